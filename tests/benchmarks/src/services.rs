//! What the other services answer, beside a meeting room in the same run: all of them are built on the same path.

use std::{fmt::Write, time::Duration};

use configmgt_contract::BoxError;
use sqlx::ConnectOptions;

use crate::{
    cases::Chance,
    figures::{Figure, median},
    import,
    load::{Connection, Load, write_request},
    report,
    stand::{Stand, TOKEN},
};

/// Users with lines and services, meeting rooms, and open callback requests: so many of each.
const OBJECTS: u32 = 10_000;
const QUEUES: u32 = 200;
/// Each in two queues.
const AGENTS: u32 = 1_000;

const LOAD: Load = Load { connections: 32, duration: Duration::from_secs(1) };
const ROUNDS: u32 = 5;

/// What an operation is compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
}

/// Writes the next request.
type Writer<'chance> = dyn Fn(&mut Vec<u8>) + 'chance;

/// One operation, asked for again and again.
struct Asked<'chance> {
    name: &'static str,
    service: &'static str,
    kind: Kind,
    request: Box<Writer<'chance>>,
}

/// Measures each operation in turns with the others, and writes the table into the documents.
pub(crate) async fn measure() -> Result<(), BoxError> {
    let stand = Stand::start().await?;
    let requests = fill(&stand).await?;
    let chance = Chance::new();
    let all = operations(&chance, &requests);
    let mut rounds: Vec<Vec<Figure>> = all.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (asked, figures) in all.iter().zip(&mut rounds) {
            let load = LOAD.on_http(&stand.site.listen, &stand.product(), &asked.request).await;
            figures.push(load.map_err(|error| format!("{}: {error}", asked.name))?.into());
        }
    }
    let table = table(&all, &rounds)?;
    println!("{table}");
    report::into_documents("services", &table)
}

/// The uuids of callback requests.
struct Requests(Vec<String>);

/// A call centre.
async fn fill(stand: &Stand) -> Result<Requests, BoxError> {
    stand.fill(OBJECTS).await?;
    stand.fill_users(OBJECTS).await?;
    let mut connection = Connection::open(&stand.site.listen).await?;
    let mut send = async |method: &str, path: &str, body: String| {
        let mut request = Vec::new();
        write_request(&mut request, method, &format!("/configmgt/api/{path}"), TOKEN, &body);
        connection.ask(&request).await
    };
    for queue in 1..=QUEUES {
        let number = 3000 + queue;
        send("POST", "2.0/queues", format!(r#"{{"name":"queue{queue}","number":"{number}"}}"#)).await?;
    }
    for queue in 1..QUEUES {
        let next = queue + 1;
        let path = format!("1.0/queue/{queue}/dissuasion/queue");
        send("PUT", &path, format!(r#"{{"queueName":"queue{next}"}}"#)).await?;
    }
    for agent in 1..=AGENTS {
        let (first, second) = (1 + agent % QUEUES, 1 + (agent + 1) % QUEUES);
        let body = format!(
            r#"{{"firstname":"Agent","lastname":"{agent}","number":"{}","context":"default",
                 "queues":[{{"queueId":{first}}},{{"queueId":{second}}}]}}"#,
            8000 + agent
        );
        send("POST", "2.0/agents", body).await?;
    }
    import::callbacks(stand, OBJECTS).await?;
    let mut database = stand.site.database.connect().await?;
    let rows = "INSERT INTO users.services (user_id) SELECT id FROM users.users";
    for statement in ["SET session_replication_role = replica", rows, "VACUUM ANALYZE"] {
        sqlx::raw_sql(statement).execute(&mut database).await?;
    }
    let requests =
        sqlx::query_scalar("SELECT uuid::text FROM callbacks.callback_request").fetch_all(&mut database).await?;
    Ok(Requests(requests))
}

/// What is read and written at call time.
fn operations<'chance>(chance: &'chance Chance, Requests(requests): &'chance Requests) -> Vec<Asked<'chance>> {
    let one_of = |count: u32| chance.below(u64::from(count)) + 1;
    let get = move |name, service, count, path: fn(u64) -> String| Asked {
        name,
        service,
        kind: Kind::Read,
        request: Box::new(move |into| write_request(into, "GET", &path(one_of(count)), TOKEN, "")),
    };
    let asked = |name, service, kind, request| Asked { name, service, kind, request };
    let number_of_users = move |into: &mut Vec<u8>| {
        let number = 1000 + one_of(OBJECTS);
        let filter = format!(r#"{{"filters":[{{"field":"phoneNumber","operator":"=","value":"{number}"}}]}}"#);
        write_request(into, "POST", "/configmgt/api/2.0/users/find", TOKEN, &filter);
    };
    let do_not_disturb = move |into: &mut Vec<u8>| {
        let path = format!("/configmgt/api/2.0/users/{}/services", one_of(OBJECTS));
        let body = format!(
            r#"{{"dndEnabled":{},"busy":{{"enabled":true,"destination":"{}"}}}}"#,
            chance.below(2) == 0,
            chance.below(1_000_000)
        );
        write_request(into, "PUT", &path, TOKEN, &body);
    };
    let one_request = move || requests.get(chance.below(requests.len() as u64) as usize).map_or("", String::as_str);
    let request = move |into: &mut Vec<u8>| {
        write_request(into, "GET", &format!("/configmgt/api/1.0/callback_requests/{}", one_request()), TOKEN, "");
    };
    let take_and_release = move |into: &mut Vec<u8>| {
        // One agent for all, so that each may take what it holds already.
        let (verb, body) = if chance.below(2) == 0 { ("take", r#"{"agentId":1}"#) } else { ("release", "") };
        let path = format!("/configmgt/api/1.0/callback_requests/{}/{verb}", one_request());
        write_request(into, "POST", &path, TOKEN, body);
    };
    let change_room = move |into: &mut Vec<u8>| {
        let (id, name) = (one_of(OBJECTS), chance.below(u64::MAX));
        let number = id + 1000;
        let body = format!(
            r#"{{"id":{id},"name":"room{id}","displayName":"Changed {name}","number":{number},"userPin":1234}}"#
        );
        write_request(into, "PUT", "/configmgt/api/2.0/meetingrooms", TOKEN, &body);
    };
    vec![
        get("get a meeting room", "meetingroom", OBJECTS, |id| format!("/configmgt/api/2.0/meetingrooms/{id}")),
        get("get a user's line", "users", OBJECTS, |id| format!("/configmgt/api/2.0/users/{id}/line")),
        get("get a user's services", "users", OBJECTS, |id| format!("/configmgt/api/2.0/users/{id}/services")),
        asked("find users by number", "users", Kind::Read, Box::new(number_of_users)),
        get("get an agent's configuration", "queue-dissuasion", AGENTS, |id| {
            format!("/configmgt/api/1.0/agent_config/{id}")
        }),
        get("get a queue's dissuasion", "queue-dissuasion", QUEUES, |id| {
            format!("/configmgt/api/1.0/queue/{id}/dissuasion")
        }),
        asked("get a callback request", "callbacks", Kind::Read, Box::new(request)),
        asked("update a meeting room", "meetingroom", Kind::Write, Box::new(change_room)),
        asked("change a user's services", "users", Kind::Write, Box::new(do_not_disturb)),
        asked("take or release a callback request", "callbacks", Kind::Write, Box::new(take_and_release)),
    ]
}

/// The first operation of each kind is the one that the others are compared with.
fn table(all: &[Asked<'_>], rounds: &[Vec<Figure>]) -> Result<String, BoxError> {
    let mut table = "| measured | service | answers/s | it / a meeting room | p50 ms | p99 ms | CPU µs an answer |\n\
                     |---|---|--:|--:|--:|--:|--:|\n"
        .to_owned();
    for (asked, figures) in all.iter().zip(rounds) {
        let first = all.iter().position(|other| other.kind == asked.kind).and_then(|place| rounds.get(place));
        let ratios = figures.iter().zip(first.into_iter().flatten()).map(|(it, room)| it.rate / room.rate);
        let of = |figure: fn(&Figure) -> f64| median(figures.iter().map(figure).collect());
        writeln!(
            table,
            "| {} | {} | {} | {:.2} | {:.2} | {:.2} | {} |",
            asked.name,
            asked.service,
            report::count(of(|figure| figure.rate)),
            median(ratios.collect()),
            of(|figure| figure.p50),
            of(|figure| figure.p99),
            report::count(of(|figure| figure.cpu)),
        )?;
    }
    Ok(table)
}
