use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::child::Watched;
use crate::folder::Folder;
use crate::guard::{Ending, Guard};
use crate::log::Log;
use crate::port::{self, Unready};
use crate::{Error, Tools, leftover, random, version};

/// Streams are read back first, so this is generous.
const READY_WITHIN: Duration = Duration::from_secs(30);

const STOP_WITHIN: Duration = Duration::from_secs(10);

/// What a private nats-server is to be.
#[derive(Clone, Debug)]
pub struct NatsOptions {
    /// Its own folder: streams, configuration, port and log.
    pub dir: PathBuf,
    /// Whether JetStream acknowledges a message only once it is on disk. Tests do without and are faster.
    pub durable: bool,
    /// Appended to the configuration: users, permissions, limits.
    pub config: String,
}

/// A private nats-server with JetStream, stopped when dropped and, if nothing else, when this process ends.
#[derive(Debug)]
pub struct Nats {
    tools: Tools,
    durable: bool,
    config: String,
    port: u16,
    server: Mutex<Watched>,
    // The order matters: the guard stops the server before the claim on its folder is given up.
    guard: Guard,
    folder: Folder,
}

impl Nats {
    /// Starts the server and waits until it answers with JetStream ready.
    ///
    /// What an earlier start of the same folder left running is stopped first. The port stays the same from start to
    /// start unless somebody else took it. Refuses a folder that a living process uses, and a nats-server older than
    /// 2.12.
    pub fn start(tools: &Tools, options: NatsOptions) -> Result<Nats, Error> {
        Nats::start_guarded(tools, options, false)
    }

    /// The same; the folder of a temporary one is removed at the end.
    pub(crate) fn start_guarded(tools: &Tools, options: NatsOptions, temporary: bool) -> Result<Nats, Error> {
        let NatsOptions { dir, durable, config } = options;
        version::require_nats(&tools.nats_server)?;
        let folder = Folder::claim(&dir)?;
        clear_leftovers(&folder.path)?;
        let guard = Guard::start(&Ending {
            marker: &folder.path,
            signal: "TERM",
            grace: STOP_WITHIN,
            remove: temporary.then_some(&folder.path),
        })?;
        let setup = Setup { tools, durable, config: &config, guard: &guard, dir: &folder.path };
        let (port, server) = port::settle(&folder.path.join("port"), |port| setup.run(port))?;
        Ok(Nats { tools: tools.clone(), durable, config, port, server: Mutex::new(server), guard, folder })
    }

    /// Where clients connect, without credentials.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The id of the server, or of the last one when stopped.
    pub fn pid(&self) -> u32 {
        self.server().pid()
    }

    /// Whether the server has not ended.
    pub fn is_running(&self) -> bool {
        self.server().exit_status().is_none()
    }

    /// Stops the server in order. Does nothing when it does not run.
    pub fn stop(&self) -> Result<(), Error> {
        self.server().end(Signal::TERM, STOP_WITHIN).map(|_| ())
    }

    /// Ends the server at once, as a crash would.
    pub fn kill(&self) -> Result<(), Error> {
        self.server().end(Signal::KILL, Duration::ZERO).map(|_| ())
    }

    /// Freezes the server: connections stay open and nothing is answered.
    pub fn pause(&self) -> Result<(), Error> {
        self.server().pause()
    }

    /// Ends a [`Nats::pause`].
    pub fn resume(&self) -> Result<(), Error> {
        self.server().signal(Signal::CONT)
    }

    /// Starts the server again on the same port with the same streams, after stopping it if it runs.
    pub fn restart(&self) -> Result<(), Error> {
        let mut server = self.server();
        server.end(Signal::TERM, STOP_WITHIN)?;
        let setup = Setup {
            tools: &self.tools,
            durable: self.durable,
            config: &self.config,
            guard: &self.guard,
            dir: &self.folder.path,
        };
        *server = setup.run(self.port).map_err(Unready::into_error)?;
        Ok(())
    }

    /// Where the streams are kept. Nothing may be changed there while the server runs.
    pub fn streams(&self) -> PathBuf {
        streams(&self.folder.path)
    }

    fn server(&self) -> MutexGuard<'_, Watched> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What it takes to start the server.
struct Setup<'a> {
    tools: &'a Tools,
    durable: bool,
    config: &'a str,
    guard: &'a Guard,
    dir: &'a Path,
}

impl Setup<'_> {
    fn run(&self, port: u16) -> Result<Watched, Unready> {
        // By its name we know that the server which answers is ours.
        let name = format!("configmgt-{}", random::word()?);
        let config_file = config_file(self.dir);
        fs::write(&config_file, self.configuration(&name, port)).map_err(Error::io("write", &config_file))?;
        let (log, file) = Log::open(&self.dir.join("nats.log"))?;
        let errors = file.try_clone().map_err(Error::io("open", &log.path))?;
        let line = vec![self.tools.nats_server.clone().into(), "-c".into(), config_file.into()];
        let child = self.guard.launch(line, |command| {
            // It carries far more on one processor than the product asks of it, and leaves the others to the database.
            command.env("GOMAXPROCS", "1").stdout(file).stderr(errors);
        })?;
        let server = Watched::new("nats-server", child)?;
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(status) = server.wait_for(Duration::from_millis(10)) {
                let error = failed(&format!("did not start ({status}):"), &log);
                let taken = log.text().contains("address already in use");
                return Err(if taken { Unready::PortTaken(error) } else { Unready::Other(error) });
            }
            if answers(port, &name) {
                return Ok(server);
            }
            if Instant::now() > deadline {
                let error = failed("does not answer after half a minute:", &log);
                server.end(Signal::TERM, STOP_WITHIN)?;
                return Err(error.into());
            }
        }
    }

    fn configuration(&self, name: &str, port: u16) -> String {
        let sync = if self.durable { "sync_interval: always" } else { "" };
        format!(
            "# Written at every start.\n\
             server_name: {name}\n\
             listen: \"127.0.0.1:{port}\"\n\
             max_payload: 1MB\n\
             # A client that does not read is cut off after this.\n\
             write_deadline: \"5s\"\n\
             pid_file: {}\n\
             log_file: {}\n\
             logfile_size_limit: 16MB\n\
             logfile_max_num: 2\n\
             jetstream {{\n    store_dir: {}\n    {sync}\n}}\n\
             {}\n",
            quoted(&pid_file(self.dir)),
            quoted(&self.dir.join("nats.log")),
            quoted(&streams(self.dir)),
            self.config,
        )
    }
}

fn clear_leftovers(dir: &Path) -> Result<(), Error> {
    leftover::stop(&pid_file(dir), &config_file(dir), Signal::TERM, STOP_WITHIN)
}

/// Whether the server of this name greets with its `INFO` line, and has JetStream.
fn answers(port: u16, name: &str) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let limit = Duration::from_secs(1);
    let Ok(stream) = TcpStream::connect_timeout(&address, limit) else { return false };
    if stream.set_read_timeout(Some(limit)).is_err() {
        return false;
    }
    let mut greeting = String::new();
    BufReader::new(stream).read_line(&mut greeting).is_ok_and(|_| {
        greeting.starts_with("INFO {") && greeting.contains(name) && greeting.contains("\"jetstream\":true")
    })
}

fn failed(how: &str, log: &Log) -> Error {
    Error::Failed { what: "nats-server".to_owned(), how: how.to_owned(), log: log.tail() }
}

/// As the configuration language quotes it.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\""))
}

fn config_file(dir: &Path) -> PathBuf {
    dir.join("nats.conf")
}

fn streams(dir: &Path) -> PathBuf {
    dir.join("streams")
}

fn pid_file(dir: &Path) -> PathBuf {
    dir.join("nats.pid")
}
