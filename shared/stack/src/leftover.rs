//! What a start that was killed may have left running.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Error;

/// Ends the process that `pid_file` names, if it is still the server whose command line has `argument`: asks with
/// `signal`, and after `grace` kills.
pub(crate) fn stop(pid_file: &Path, argument: &Path, signal: Signal, grace: Duration) -> Result<(), Error> {
    let Some(pid) = pid_in(pid_file) else { return Ok(()) };
    if !has_argument(pid, argument) {
        return Ok(());
    }
    tracing::warn!(pid = pid.as_raw_nonzero().get(), "stops the server that an earlier start left running");
    let gone = || !has_argument(pid, argument);
    send(pid, signal)?;
    if until(grace, gone) {
        return Ok(());
    }
    send(pid, Signal::KILL)?;
    until(Duration::from_secs(10), gone);
    Ok(())
}

/// Kills the processes of a PostgreSQL whose postmaster is gone: they work in the data folder, and keep the next one
/// from starting.
pub(crate) fn kill_postgres_of(data: &Path) -> Result<(), Error> {
    let left = postgres_of(data);
    for pid in &left {
        send(*pid, Signal::KILL)?;
    }
    until(Duration::from_secs(10), || left.is_empty() || postgres_of(data).is_empty());
    Ok(())
}

fn postgres_of(data: &Path) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .flatten()
        .filter(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == data))
        .filter(|process| fs::read(process.path().join("comm")).is_ok_and(|name| name == b"postgres\n"))
        .filter_map(|process| process.file_name().to_str()?.parse().ok())
        .filter_map(Pid::from_raw)
        .collect()
}

fn pid_in(file: &Path) -> Option<Pid> {
    let text = fs::read_to_string(file).ok()?;
    Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
}

fn has_argument(pid: Pid, argument: &Path) -> bool {
    fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero()))
        .is_ok_and(|line| line.split(|byte| *byte == 0).any(|part| OsStr::from_bytes(part) == argument.as_os_str()))
}

/// A process that has just ended is not an error.
fn send(pid: Pid, signal: Signal) -> Result<(), Error> {
    match kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(errno) => Err(Error::Io {
            doing: format!("stop the process {} that an earlier start left running", pid.as_raw_nonzero()),
            source: io::Error::from(errno),
        }),
    }
}

/// These are not our children, so there is no event to wait for.
fn until(limit: Duration, done: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !done() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
    true
}
