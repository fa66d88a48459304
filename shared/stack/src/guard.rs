//! Nothing outlives the process that started it.
//!
//! A guard is a small shell that holds the read end of a pipe whose only write end lives in this process. When this
//! process ends, in whatever way, the kernel closes the write end; the guard then stops what it watches. The standard
//! library opens every pipe close-on-exec, so no child keeps the write end open.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::Error;

/// Reads the ids of the processes to watch, the newest one counts, until the pipe is closed. A process is ended only if
/// its command line still names the folder, so an id that meanwhile belongs to a stranger does no harm. Signals go to
/// the process group.
const WATCH: &str = r#"
trap '' HUP INT TERM
marker=$1 signal=$2 tries=$3 remove=$4
pid=
while read -r line; do pid=$line; done
alive() { [ -n "$pid" ] && grep -qsF -e "$marker" "/proc/$pid/cmdline"; }
if alive; then
    kill -s "$signal" -- "-$pid"
    while alive && [ "$tries" -gt 0 ]; do sleep 0.05; tries=$((tries - 1)); done
    if alive; then kill -s KILL -- "-$pid"; fi
fi
tries=100
while [ -n "$remove" ] && [ -e "$remove" ] && ! rm -rf -- "$remove" && [ "$tries" -gt 0 ]; do
    sleep 0.05
    tries=$((tries - 1))
done
"#;

/// Becomes the program only once told to: should this process die before the guard knows the child, the child ends with
/// it.
const WAIT_FOR_THE_GUARD: &str = r#"umask 022; read -r go && exec "$@" </dev/null"#;

/// How a guard ends what it watches.
pub(crate) struct Ending<'a> {
    /// A folder that the command line of everything watched names.
    pub(crate) marker: &'a Path,
    /// The signal to begin with, as `kill -s` knows it.
    pub(crate) signal: &'static str,
    /// How long to wait before SIGKILL.
    pub(crate) grace: Duration,
    /// A folder to remove afterwards.
    pub(crate) remove: Option<&'a Path>,
}

/// Stops what was launched under it when it is dropped or when this process ends.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    watched: Mutex<Option<ChildStdin>>,
}

impl Guard {
    pub(crate) fn start(ending: &Ending<'_>) -> Result<Guard, Error> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", WATCH, "configmgt-guard"])
            .arg(ending.marker)
            .arg(ending.signal)
            .arg((ending.grace.as_millis() / 50).to_string())
            .arg(ending.remove.map_or("".as_ref(), Path::as_os_str))
            .current_dir("/")
            // A group of its own, so that Ctrl-C in the terminal does not end the guard; no terminal or pipe of ours is
            // kept open by it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::io("run", Path::new("/bin/sh")))?;
        let watched = Mutex::new(shell.stdin.take());
        Ok(Guard { shell, watched })
    }

    /// Starts a program under this guard, in a process group of its own. `set` decides on environment and output.
    pub(crate) fn launch(&self, command_line: Vec<OsString>, set: impl FnOnce(&mut Command)) -> Result<Child, Error> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", WAIT_FOR_THE_GUARD, "sh"]).args(command_line).current_dir("/").process_group(0);
        set(&mut command);
        let mut child = command.stdin(Stdio::piped()).spawn().map_err(Error::io("run", Path::new("/bin/sh")))?;
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipe) = watched.as_mut() {
            writeln!(pipe, "{}", child.id()).map_err(Error::io("write to", Path::new("the guard")))?;
        }
        if let Some(mut go) = child.stdin.take() {
            writeln!(go, "go").map_err(Error::io("write to", Path::new("the new process")))?;
        }
        Ok(child)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Closing the pipe is the signal; the shell bounds its own time.
        drop(self.watched.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        if let Err(error) = self.shell.wait() {
            tracing::warn!(%error, "cannot wait for the guard of a private server");
        }
    }
}
