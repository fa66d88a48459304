//! A child process that any thread may signal, await and ask about.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::sync::watch;

use crate::Error;

/// A child process and a thread that waits for its end.
#[derive(Debug)]
pub(crate) struct Watched {
    name: String,
    pid: Pid,
    end: Arc<End>,
}

#[derive(Debug)]
struct End {
    status: Mutex<Option<ExitStatus>>,
    reached: Condvar,
    told: watch::Sender<Option<ExitStatus>>,
}

impl Watched {
    pub(crate) fn new(name: &str, child: Child) -> Result<Watched, Error> {
        let cannot_watch = |source| Error::Io { doing: format!("watch {name}"), source };
        let pid = Pid::from_child(&child);
        let end = Arc::new(End { status: Mutex::new(None), reached: Condvar::new(), told: watch::Sender::new(None) });
        let reaper_end = Arc::clone(&end);
        thread::Builder::new()
            .name(format!("wait {name}"))
            .spawn(move || reap(child, pid, &reaper_end))
            .map_err(cannot_watch)?;
        Ok(Watched { name: name.to_owned(), pid, end })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Sends a signal; does nothing when the process has already ended.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Error> {
        // While the status is unset and the lock is held the process is not reaped, so its id still means this process.
        let status = self.end.status();
        if status.is_some() {
            return Ok(());
        }
        kill_process(self.pid, signal)
            .map_err(|errno| Error::Io { doing: format!("signal {}", self.name), source: io::Error::from(errno) })
    }

    /// Freezes the process. When it returns, no thread of it runs any more.
    pub(crate) fn pause(&self) -> Result<(), Error> {
        self.signal(Signal::STOP)?;
        // The signal only asks; the kernel reports the stop when the last thread has obeyed. The report also comes at
        // the end of the process, so this cannot wait for ever.
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(self.pid), stopped), Err(Errno::INTR)) {}
        Ok(())
    }

    pub(crate) fn exit_status(&self) -> Option<ExitStatus> {
        *self.end.status()
    }

    /// Blocks until the process has ended, or for so long.
    pub(crate) fn wait_for(&self, limit: Duration) -> Option<ExitStatus> {
        let waiting = self.end.status();
        let (status, _) = self
            .end
            .reached
            .wait_timeout_while(waiting, limit, |status| status.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        *status
    }

    /// The same for asynchronous callers, on any runtime.
    pub(crate) async fn wait(&self) -> ExitStatus {
        let mut told = self.end.told.subscribe();
        loop {
            if let Some(status) = *told.borrow_and_update() {
                return status;
            }
            // The sender lives as long as `self`, so this cannot fail.
            if told.changed().await.is_err() {
                return unknown();
            }
        }
    }

    /// Asks the process to end with `signal` and makes it end when it has not after `grace`.
    pub(crate) fn end(&self, signal: Signal, grace: Duration) -> Result<ExitStatus, Error> {
        self.signal(signal)?;
        if let Some(status) = self.wait_for(grace) {
            return Ok(status);
        }
        tracing::warn!(name = self.name, pid = self.pid(), "did not stop in time and is killed");
        self.signal(Signal::KILL)?;
        // Only a process stuck in the kernel survives SIGKILL for so long.
        self.wait_for(Duration::from_secs(10))
            .ok_or_else(|| Error::Io { doing: format!("kill {}", self.name), source: io::ErrorKind::TimedOut.into() })
    }
}

impl End {
    fn status(&self) -> MutexGuard<'_, Option<ExitStatus>> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reap(mut child: Child, pid: Pid, end: &End) {
    // First without reaping: the id must stay taken until the status is set, or a signal could reach a stranger.
    let unreaped = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(pid), unreaped), Err(Errno::INTR)) {}
    let mut status = end.status();
    let ended = child.wait().unwrap_or_else(|_| unknown());
    *status = Some(ended);
    end.told.send_replace(Some(ended));
    end.reached.notify_all();
}

/// For a process whose status the kernel did not keep (SIGCHLD ignored by whoever started us): a failure.
fn unknown() -> ExitStatus {
    ExitStatus::from_raw(0xff00)
}
