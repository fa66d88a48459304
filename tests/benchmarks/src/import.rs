//! What an import takes, of time and of memory.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use configmgt_contract::BoxError;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _};
use tokio::time::sleep;

use crate::{
    load::{Connection, write_request},
    stand::{Stand, TOKEN},
    usage::memory,
};

/// A kind of object that is imported.
#[derive(Clone, Copy)]
enum Kind {
    /// Users, each with a SIP line.
    Users,
    /// Requests to be called back, into one list.
    Callbacks,
}

/// Imports so many objects into an empty installation, and prints how long that takes, how long until the last of their events is in
/// the stream, and by how much edge and service grow meanwhile. No process has imported anything before.
pub(crate) async fn measure(rows: u32, kind: &str) -> Result<(), BoxError> {
    let kind = match kind {
        "users" => Kind::Users,
        "callbacks" => Kind::Callbacks,
        other => return Err(format!("{other}: no such import; there are users and callbacks").into()),
    };
    let stand = Stand::start().await?;
    let mut connection = Connection::open(&stand.site.listen).await?;
    let path = kind.path(&stand, &mut connection).await?;
    let file = kind.file(rows)?;
    let mut request = Vec::new();
    write_request(&mut request, "POST", &path, TOKEN, &file);
    let watched = [("edge", stand.edge.pid()), ("service", stand.service(kind.service())?.pid())];
    let before = watched.iter().map(|(_, pid)| memory(*pid)).collect::<Result<Vec<_>, _>>()?;
    let began = Instant::now();
    connection.ask(&request).await?;
    let imported = began.elapsed();
    all_published(&stand, kind.service()).await?;
    let published = began.elapsed();
    println!(
        "{rows} {}, {:.1} MiB: imported after {:.1} s, the last event published after {:.1} s",
        kind.service(),
        file.len() as f64 / 1024.0 / 1024.0,
        imported.as_secs_f64(),
        published.as_secs_f64()
    );
    for ((name, pid), (resident, peak)) in watched.into_iter().zip(before) {
        let (_, highest) = memory(pid)?;
        println!(
            "{name}: {resident:.1} MiB resident before (at most {peak:.1}), at most {highest:.1} since: {:.1} MiB more",
            highest - resident
        );
    }
    Ok(())
}

/// Imports so many requests to be called back into a list of the queue `sales`.
pub(crate) async fn callbacks(stand: &Stand, rows: u32) -> Result<(), BoxError> {
    let mut connection = Connection::open(&stand.site.listen).await?;
    let path = Kind::Callbacks.path(stand, &mut connection).await?;
    let mut request = Vec::new();
    write_request(&mut request, "POST", &path, TOKEN, &Kind::Callbacks.file(rows)?);
    connection.ask(&request).await
}

impl Kind {
    /// The service, which is also what its import brings.
    const fn service(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Callbacks => "callbacks",
        }
    }

    /// Where the file goes to. What it needs there is created.
    async fn path(self, stand: &Stand, connection: &mut Connection) -> Result<String, BoxError> {
        if matches!(self, Self::Users) {
            return Ok("/configmgt/api/2.0/users/csv".to_owned());
        }
        for (path, body) in
            [("2.0/queues", r#"{"name": "sales"}"#), ("1.0/callback_lists", r#"{"name": "sales", "queueId": 1}"#)]
        {
            let mut request = Vec::new();
            write_request(&mut request, "POST", &format!("/configmgt/api/{path}"), TOKEN, body);
            connection.ask(&request).await?;
        }
        let mut database = stand.site.database.connect().await?;
        let list: String =
            sqlx::query_scalar("SELECT uuid::text FROM callbacks.callback_list").fetch_one(&mut database).await?;
        database.close().await?;
        Ok(format!("/configmgt/api/1.0/callback_lists/{list}/callback_requests/csv"))
    }

    fn file(self, rows: u32) -> Result<String, BoxError> {
        let header = match self {
            Self::Users => "firstname|lastname|login|email|lineType|extension|context",
            Self::Callbacks => "phoneNumber|mobilePhoneNumber|firstName|lastName|company|description|dueDate|period",
        };
        let mut file = format!("{header}\n");
        for row in 1..=rows {
            match self {
                Self::Users => {
                    writeln!(
                        file,
                        "Firstname{row}|Lastname{row}|user{row}|user{row}@xivo.solutions|phone|{row}|default"
                    )
                }
                Self::Callbacks => {
                    writeln!(file, "02{row:08}|06{row:08}|Firstname{row}|Lastname{row}|Company|Call back quickly||")
                }
            }?;
        }
        Ok(file)
    }
}

/// Waits until the service's outbox is empty.
async fn all_published(stand: &Stand, service: &str) -> Result<(), BoxError> {
    let mut connection = stand.site.database.connect().await?;
    let left = format!("SELECT EXISTS (SELECT FROM {service}.outbox)");
    while sqlx::query_scalar(AssertSqlSafe(left.as_str())).fetch_one(&mut connection).await? {
        sleep(Duration::from_millis(20)).await;
    }
    connection.close().await?;
    Ok(())
}
