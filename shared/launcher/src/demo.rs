//! A small set of objects, so that the documents' examples answer something on the first start.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::Result;

/// Loads the set through the API, unless `marker` says that this was done before.
pub(crate) async fn load_once(url: &str, token: &str, marker: &Path) -> Result<()> {
    if marker.exists() {
        return Ok(());
    }
    let client = reqwest::Client::new();
    for room in rooms() {
        let post =
            client.post(format!("{url}/configmgt/api/2.0/meetingrooms")).header("X-Auth-Token", token).json(&room);
        let answer = post.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        // A start that was killed half-way has created some of them already.
        if !status.is_success() && !text.contains("\"Duplicate\"") {
            return Err(format!("the demo set cannot be loaded: {status} {text}").into());
        }
    }
    fs::write(marker, "")?;
    Ok(())
}

fn rooms() -> [Value; 3] {
    [
        json!({"name": "myConfRoom1", "displayName": "My Conf Room 1", "number": 1050, "userPin": 1234}),
        json!({"name": "myConfRoom2", "displayName": "My Conf Room 2", "number": 1051}),
        json!({"name": "standup", "displayName": "Daily stand-up", "number": 1052, "userPin": "0420"}),
    ]
}
