//! Callback requests that were taken and never released.

use std::time::Duration;

use configmgt_runtime::{
    connections::in_time,
    journal::Journal,
    settings::{self, SettingError},
};
use tokio::time::sleep;
use tracing::{info, warn};

use crate::store::expiry as store;

/// The setting with the seconds for which an agent holds a request. The history names it as the author of what follows from it.
const SETTING: &str = "CALLBACK_HOLD_SECONDS";

/// An hour, unless the setting says otherwise: a second to thirty days.
const USUAL: u32 = 60 * 60;
const MOST: u32 = 30 * 24 * 60 * 60;

/// How often is looked for some.
const EVERY: Duration = Duration::from_secs(1);

/// How many are freed at a time.
const BATCH: i64 = 1_000;

/// For how long an agent holds a request.
pub(crate) fn hold() -> Result<Duration, SettingError> {
    settings::within(SETTING, USUAL, 1..=MOST).map(|seconds| Duration::from_secs(u64::from(seconds)))
}

/// Frees what was held for longer, as long as the process lives. Several instances at once do no harm.
pub(crate) async fn run(journal: Journal, hold: Duration) {
    let mut warned = false;
    loop {
        sleep(EVERY).await;
        match in_time(once(&journal, hold)).await {
            Ok(freed) => {
                warned = false;
                if freed > 0 {
                    info!(freed, "callback requests were held for too long");
                }
            }
            // The database may be away for a while: one line is enough.
            Err(error) => {
                if !std::mem::replace(&mut warned, true) {
                    warn!(%error, "callback requests that are held for too long cannot be freed");
                }
            }
        }
    }
}

async fn once(journal: &Journal, hold: Duration) -> sqlx::Result<u64> {
    let mut change = journal.begin_as(SETTING).await?;
    let freed = store::free(&mut change, hold, BATCH).await?;
    journal.commit(change).await?;
    Ok(freed)
}
