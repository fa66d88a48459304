//! Which request asks for which operation: the table of contents of the product.

use axum::routing::get;
use configmgt_contract::{
    agent_config::{GetAgentConfig, ListAgentConfigs},
    agents::{CreateAgent, DeleteAgent, GetAgent, ListAgents, ReplaceAgent},
    catalogues::{
        CreateContext, CreateEntity, CreateLabel, CreateMediaserver, DeleteContext, DeleteEntity, DeleteLabel,
        DeleteMediaserver, ListContexts, ListEntities, ListLabels, ListMediaservers,
    },
    changes::{GetChange, ListChanges, RevertChange},
    directory::{FindUsers, ListContacts, ListUsers},
    dissuasions::{ExplainDissuasion, GetDissuasion, ListDissuasions, SetSoundFile, SetTarget},
    ice_servers::{GetIceServers, SetIceServers},
    lines::{CreateLine, DeleteLine, GetLine, UpdateLine},
    lint::ListFindings,
    meetingrooms::{CreateRoom, DeleteRoom, FindRooms, GetRoom, ListRooms, UpdateRoom},
    preferences::{CreatePreference, DeletePreference, GetPreference, ListPreferences, UpdatePreference},
    queues::{CreateQueue, DeleteQueue, GetQueue, ListQueues, ReplaceQueue},
    rights::{DeleteRight, GetRight, ListProfiles, SetRight},
    services::{GetServices, UpdateServices},
    user_import::{self, GetImport, ImportUsers},
    users::{CreateUser, DeleteUser, GetUser, PatchUser, ReplaceUser},
    validation::ValidateUser,
};

use crate::{
    changes, events,
    inputs::{Json, Path, Query},
    lint,
    table::Table,
};

/// Every route, in the order of the documents.
pub fn routes() -> Table {
    Table::default()
        .section("Users", "/configmgt/api/2.0")
        .get("/users", || ListUsers {})
        .post("/users/find", |Json(find): Json<FindUsers>| find)
        .get("/users/ascontact", || ListContacts {})
        .post("/users", |Json(user): Json<CreateUser>| user)
        .get("/users/{id}", |Path(id)| GetUser { id })
        .put("/users/{id}", |Path(id), Json(fields)| ReplaceUser { id, fields })
        .patch("/users/{id}", |Path(id), Json(patch)| PatchUser { id, patch })
        .delete("/users/{id}", |Path(id)| DeleteUser { id })
        .import("/users/csv", user_import::EXAMPLE, |Query(import): Query<ImportUsers>| import)
        .get("/imports/{id}", |Path(id)| GetImport { id })
        .post("/user/validate", |Json(user): Json<ValidateUser>| user)
        .section("Entities, media servers, contexts and labels", "/configmgt/api/2.0")
        .get("/entities", || ListEntities {})
        .post("/entities", |Json(entity): Json<CreateEntity>| entity)
        .delete("/entities/{name}", |Path(name)| DeleteEntity { name })
        .get("/mediaservers", || ListMediaservers {})
        .post("/mediaservers", |Json(mediaserver): Json<CreateMediaserver>| mediaserver)
        .delete("/mediaservers/{name}", |Path(name)| DeleteMediaserver { name })
        .get("/contexts", || ListContexts {})
        .post("/contexts", |Json(context): Json<CreateContext>| context)
        .delete("/contexts/{name}", |Path(name)| DeleteContext { name })
        .get("/labels", || ListLabels {})
        .post("/labels", |Json(label): Json<CreateLabel>| label)
        .delete("/labels/{name}", |Path(name)| DeleteLabel { name })
        .section("Lines", "/configmgt/api/2.0")
        .get("/users/{id}/line", |Path(user_id)| GetLine { user_id })
        .post("/users/{id}/line", |Path(user_id), Json(line)| CreateLine { user_id, line })
        .put("/users/{id}/line", |Path(user_id), Json(line)| UpdateLine { user_id, line })
        .delete("/users/{id}/line", |Path(user_id)| DeleteLine { user_id })
        .section("User services", "/configmgt/api/2.0")
        .get("/users/{id}/services", |Path(user_id)| GetServices { user_id })
        .put("/users/{id}/services", |Path(user_id), Json(services)| UpdateServices { user_id, services })
        .section("Profiles", "/configmgt/api/1.0")
        .get("/users", || ListProfiles {})
        .get("/rights/user/{login}", |Path(login)| GetRight { login })
        .post("/rights/user/{login}", |Path(login), Json(right)| SetRight { login, right })
        .delete("/rights/user/{login}", |Path(login)| DeleteRight { login })
        .section("User preferences", "/configmgt/api/2.0")
        .get("/users/{id}/preferences", |Path(user_id)| ListPreferences { user_id })
        .get("/users/{id}/preferences/{key}", |Path((user_id, key))| GetPreference { user_id, key })
        .post("/users/{id}/preferences/{key}", |Path((user_id, key)), Json(value)| CreatePreference {
            user_id,
            key,
            value,
        })
        .put("/users/{id}/preferences/{key}", |Path((user_id, key)), Json(value)| UpdatePreference {
            user_id,
            key,
            value,
        })
        .delete("/users/{id}/preferences/{key}", |Path((user_id, key))| DeletePreference { user_id, key })
        .section("SIP configuration", "/configmgt/api/1.0")
        .get("/sip/ice_servers", || GetIceServers {})
        .put("/sip/ice_servers", |Json(configuration): Json<SetIceServers>| configuration)
        .section("Queues", "/configmgt/api/2.0")
        .get("/queues", || ListQueues {})
        .post("/queues", |Json(queue): Json<CreateQueue>| queue)
        .get("/queues/{id}", |Path(id)| GetQueue { id })
        .put("/queues/{id}", |Path(id), Json(fields)| ReplaceQueue { id, fields })
        .delete("/queues/{id}", |Path(id)| DeleteQueue { id })
        .section("Agents", "/configmgt/api/1.0")
        .get("/agent_config/{id}", |Path(id)| GetAgentConfig { id })
        .get("/agent_config", || ListAgentConfigs {})
        .section("Agents", "/configmgt/api/2.0")
        .get("/agents", || ListAgents {})
        .post("/agents", |Json(agent): Json<CreateAgent>| agent)
        .get("/agents/{id}", |Path(id)| GetAgent { id })
        .put("/agents/{id}", |Path(id), Json(fields)| ReplaceAgent { id, fields })
        .delete("/agents/{id}", |Path(id)| DeleteAgent { id })
        .section("Queue dissuasion", "/configmgt/api/1.0")
        .get("/queue/{id}/dissuasion", |Path(id)| GetDissuasion { id })
        .get("/queue/{id}/dissuasions", |Path(id)| ListDissuasions { id })
        .put("/queue/{id}/dissuasion/sound_file", |Path(id), Json(to)| SetSoundFile { id, to })
        .put("/queue/{id}/dissuasion/queue", |Path(id), Json(to)| SetTarget { id, to })
        .section("Queue dissuasion", "/configmgt/api/2.0")
        .get("/queues/{id}/dissuasion/explain", |Path(id)| ExplainDissuasion { id })
        .section("Meeting rooms", "/configmgt/api/2.0")
        .get("/meetingrooms", || ListRooms {})
        .post("/meetingrooms", |Json(room): Json<CreateRoom>| room)
        .put("/meetingrooms", |Json(room): Json<UpdateRoom>| room)
        .get("/meetingrooms/{id}", |Path(id)| GetRoom { id })
        .delete("/meetingrooms/{id}", |Path(id)| DeleteRoom { id })
        .post("/meetingrooms/find", |Json(find): Json<FindRooms>| find)
        .section("Lint", "/configmgt/api/2.0")
        .get_by("/lint", || ListFindings {}, lint::list)
        .section("Changes", "/configmgt/api/2.0")
        .get_by("/changes", |Query(changes): Query<ListChanges>| changes, changes::list)
        .get_by("/changes/{eventId}", |Path(event_id)| GetChange { event_id }, changes::get)
        .post_by("/changes/{eventId}/revert", |Path(event_id)| RevertChange { event_id }, changes::revert)
        .feed("/events", &events::FEED, get(events::follow))
}
