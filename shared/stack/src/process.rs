use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::Error;
use crate::child::Watched;

/// Where a process's output goes, both kinds of it.
#[derive(Clone)]
pub enum Output {
    /// Where ours goes.
    Inherit,
    /// Appended to a file.
    File(PathBuf),
    /// To a function, line by line, on threads of their own.
    Lines(Arc<dyn Fn(&str) + Send + Sync>),
}

impl fmt::Debug for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::Inherit => formatter.write_str("Inherit"),
            Output::File(path) => formatter.debug_tuple("File").field(path).finish(),
            Output::Lines(_) => formatter.write_str("Lines"),
        }
    }
}

/// A process of the product: the edge or a service.
///
/// It runs in a process group of its own, so Ctrl-C in the terminal reaches it only through us. Its standard input is a
/// pipe that we hold open and never write to, and `CONFIGMGT_STOP_WITH_STDIN=1` asks it to stop when that ends. So it
/// stops in order when this value is dropped, and when this process ends in whatever way.
#[derive(Debug)]
pub struct Process {
    name: String,
    stdin: Mutex<Option<ChildStdin>>,
    child: Watched,
}

impl Process {
    /// Starts a program. `env` is added to our own environment.
    pub fn spawn<A, K, V>(
        name: &str,
        program: &Path,
        args: impl IntoIterator<Item = A>,
        env: impl IntoIterator<Item = (K, V)>,
        output: &Output,
    ) -> Result<Process, Error>
    where
        A: AsRef<OsStr>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let mut command = Command::new(program);
        command.args(args).envs(env).env("CONFIGMGT_STOP_WITH_STDIN", "1").process_group(0).stdin(Stdio::piped());
        match output {
            Output::Inherit => {}
            Output::File(path) => {
                let file = File::options().create(true).append(true).open(path).map_err(Error::io("open", path))?;
                command.stderr(file.try_clone().map_err(Error::io("open", path))?).stdout(file);
            }
            Output::Lines(_) => {
                command.stdout(Stdio::piped()).stderr(Stdio::piped());
            }
        }
        let mut child = command.spawn().map_err(Error::io("run", program))?;
        let stdin = Mutex::new(child.stdin.take());
        if let Output::Lines(line) = output {
            if let Some(stdout) = child.stdout.take() {
                read_lines(name, stdout, line)?;
            }
            if let Some(stderr) = child.stderr.take() {
                read_lines(name, stderr, line)?;
            }
        }
        Ok(Process { name: name.to_owned(), stdin, child: Watched::new(name, child)? })
    }

    /// The name it was started under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        self.exit_status().is_none()
    }

    /// How it ended, if it has.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.child.exit_status()
    }

    /// Asks it to stop by ending its standard input, as the end of this process would.
    pub fn close_stdin(&self) {
        drop(self.stdin.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Asks it to stop (SIGTERM). Like every signal here it does nothing once the process has ended.
    pub fn terminate(&self) -> Result<(), Error> {
        self.child.signal(Signal::TERM)
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(&self) -> Result<(), Error> {
        self.child.signal(Signal::KILL)
    }

    /// Freezes it: its connections stay open and nothing is answered.
    pub fn pause(&self) -> Result<(), Error> {
        self.child.pause()
    }

    /// Ends a [`Process::pause`].
    pub fn resume(&self) -> Result<(), Error> {
        self.child.signal(Signal::CONT)
    }

    /// Waits for its end, on any runtime; may be dropped and called again.
    pub async fn wait(&self) -> ExitStatus {
        self.child.wait().await
    }

    /// Blocks until its end, or for so long.
    pub fn wait_for(&self, limit: Duration) -> Option<ExitStatus> {
        self.child.wait_for(limit)
    }

    /// Asks it to stop (SIGTERM), kills it when it has not after `grace`, and blocks until it has ended.
    pub fn stop(&self, grace: Duration) -> Result<ExitStatus, Error> {
        self.child.end(Signal::TERM, grace)
    }
}

fn read_lines(
    name: &str,
    output: impl Read + Send + 'static,
    line: &Arc<dyn Fn(&str) + Send + Sync>,
) -> Result<(), Error> {
    let line = Arc::clone(line);
    let read = move || {
        let mut output = BufReader::new(output);
        let mut bytes = Vec::new();
        while matches!(output.read_until(b'\n', &mut bytes), Ok(length) if length > 0) {
            line(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']));
            bytes.clear();
        }
    };
    thread::Builder::new()
        .name(format!("read {name}"))
        .spawn(read)
        .map(|_| ())
        .map_err(|source| Error::Io { doing: format!("read the output of {name}"), source })
}
