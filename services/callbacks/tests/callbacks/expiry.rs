use configmgt_contract::changes::ListChanges;
use serde_json::json;
use tokio::task::yield_now;

use crate::Service;

#[tokio::test]
async fn a_request_that_is_held_for_too_long_is_freed_as_a_change_like_any_other() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let (forgotten, held, done) =
        (service.request(&list, "1").await, service.request(&list, "2").await, service.request(&list, "3").await);
    let free = service.get(&forgotten).await.unwrap();
    for request in [&forgotten, &held, &done] {
        service.take(request, 7).await.unwrap();
    }
    service.cloture(&done).await.unwrap();
    for (request, ago) in [(&forgotten, "61 minutes"), (&held, "59 minutes"), (&done, "61 minutes")] {
        service
            .run(&format!("UPDATE callback_request SET taken_at = now() - interval '{ago}' WHERE uuid = '{request}'"))
            .await;
    }
    while service.get(&forgotten).await.unwrap()["agentId"] == 7 {
        yield_now().await;
    }
    assert_eq!(service.get(&forgotten).await, Ok(free));
    assert_eq!(service.get(&held).await.unwrap()["agentId"], 7);
    assert_eq!(service.get(&done).await.unwrap()["agentId"], 7);
    let newest = json!({"objectType": "callback_request", "offset": 0, "limit": 1});
    let changes = service.ask::<ListChanges>(newest).await.unwrap();
    let change = &changes["list"][0];
    let told = (&change["objectId"], &change["actor"], &change["action"], &change["changedFields"]);
    assert_eq!(told, (&json!(forgotten), &json!("CALLBACK_HOLD_SECONDS"), &json!("updated"), &json!(["agentId"])));
    // Another agent gets it.
    assert_eq!(service.take(&forgotten, 8).await.unwrap()["agentId"], 8);
}
