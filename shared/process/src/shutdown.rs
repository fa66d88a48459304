//! When to stop: SIGTERM, Ctrl-C, or the end of standard input where a parent process holds it open.

use std::io::{self, Read};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};
use tracing::info;

use crate::settings;

/// Set by a parent that keeps our standard input open for as long as it lives: when it ends, however it ends, so do we.
pub const STOP_WITH_STDIN: &str = "CONFIGMGT_STOP_WITH_STDIN";

/// Waits for a reason to stop.
pub async fn requested() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let reason = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        () = end_of_stdin(), if settings::optional(STOP_WITH_STDIN).is_some() => "the parent process is gone",
    };
    info!(reason, "stopping");
    Ok(())
}

/// Reads on a thread of its own: a blocking read inside the runtime would keep the runtime from ending.
async fn end_of_stdin() {
    let (ended, end) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let mut ignored = [0_u8; 64];
        while std::io::stdin().read(&mut ignored).is_ok_and(|read| read > 0) {}
        drop(ended);
    });
    // The sender is only ever dropped, and that is the message.
    let _ = end.await;
}
