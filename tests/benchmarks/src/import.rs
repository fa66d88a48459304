//! What an import of users takes, of time and of memory.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use configmgt_contract::BoxError;
use sqlx::{ConnectOptions, Connection as _};
use tokio::time::sleep;

use crate::{
    load::{Connection, write_request},
    stand::{Stand, TOKEN},
    usage::memory,
};

/// Imports so many users, each with a SIP line, into an empty directory, and prints how long that takes, how long until the last of
/// their events is in the stream, and by how much edge and service grow meanwhile. No process has imported anything before.
pub(crate) async fn measure(rows: u32) -> Result<(), BoxError> {
    let stand = Stand::start().await?;
    let file = file(rows)?;
    let mut request = Vec::new();
    write_request(&mut request, "POST", "/configmgt/api/2.0/users/csv", TOKEN, &file);
    let watched = [("edge", stand.edge.pid()), ("users service", stand.service("users")?.pid())];
    let before = watched.iter().map(|(_, pid)| memory(*pid)).collect::<Result<Vec<_>, _>>()?;
    let mut connection = Connection::open(&stand.site.listen).await?;
    let began = Instant::now();
    connection.ask(&request).await?;
    let imported = began.elapsed();
    all_published(&stand).await?;
    let published = began.elapsed();
    println!(
        "{rows} users with lines, {:.1} MiB: imported after {:.1} s, the last event published after {:.1} s",
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

fn file(rows: u32) -> Result<String, BoxError> {
    let mut file = "firstname|lastname|login|email|lineType|extension|context\n".to_owned();
    for row in 1..=rows {
        writeln!(file, "Firstname{row}|Lastname{row}|user{row}|user{row}@xivo.solutions|phone|{row}|default")?;
    }
    Ok(file)
}

/// Waits until the outbox of the users service is empty.
async fn all_published(stand: &Stand) -> Result<(), BoxError> {
    let mut connection = stand.site.database.connect().await?;
    while sqlx::query_scalar("SELECT EXISTS (SELECT FROM users.outbox)").fetch_one(&mut connection).await? {
        sleep(Duration::from_millis(20)).await;
    }
    connection.close().await?;
    Ok(())
}
