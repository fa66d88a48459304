use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::child::Watched;
use crate::folder::Folder;
use crate::guard::{Ending, Guard};
use crate::identity::Identity;
use crate::log::Log;
use crate::port::{self, Unready};
use crate::random::{self, Secret};
use crate::{Error, Tools, leftover, version};

/// A start after a crash replays the log first, so this is generous.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// A fast shutdown ends the sessions and writes a checkpoint.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// What a private PostgreSQL is to be.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Its own folder: data, password, port and log.
    pub dir: PathBuf,
    /// Whether a commit survives a power cut, as PostgreSQL has it by default. Tests do without and are faster.
    pub durable: bool,
}

/// A private PostgreSQL, stopped when dropped and, if nothing else, when this process ends.
#[derive(Debug)]
pub struct Postgres {
    tools: Tools,
    durable: bool,
    identity: Identity,
    password: Secret,
    port: u16,
    server: Mutex<Watched>,
    // The order matters: the guard stops the server before the claim on its folder is given up.
    guard: Guard,
    folder: Folder,
}

impl Postgres {
    /// Starts the server, after creating its data the first time, and waits until it takes connections. The superuser
    /// is `postgres`.
    ///
    /// What an earlier start of the same folder left running is stopped first. The port stays the same from start to
    /// start unless somebody else took it. Refuses a folder that a living process uses, and data of another major
    /// version.
    pub fn start(tools: &Tools, options: PostgresOptions) -> Result<Postgres, Error> {
        Postgres::start_guarded(tools, options, false)
    }

    /// The same; a temporary one is stopped without ceremony at the end, and its folder removed.
    pub(crate) fn start_guarded(tools: &Tools, options: PostgresOptions, temporary: bool) -> Result<Postgres, Error> {
        let PostgresOptions { dir, durable } = options;
        let program = tools.postgres_program("postgres");
        let major = version::require_postgres(&program)?;
        let folder = Folder::claim(&dir)?;
        clear_leftovers(&folder.path)?;
        let identity = Identity::choose(&folder.path, &program)?;
        let guard = Guard::start(&Ending {
            marker: &folder.path,
            signal: if temporary { "QUIT" } else { "INT" },
            grace: STOP_WITHIN,
            remove: temporary.then_some(&folder.path),
        })?;
        let setup = Setup { tools, durable, identity, guard: &guard, dir: &folder.path };
        let password = setup.password()?;
        setup.require_data(major)?;
        let (port, server) = port::settle(&folder.path.join("port"), |port| setup.run(&password, port))?;
        Ok(Postgres {
            tools: tools.clone(),
            durable,
            identity,
            password,
            port,
            server: Mutex::new(server),
            guard,
            folder,
        })
    }

    /// The superuser's URL of a database. `postgres` always exists.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{database}", self.password.0, self.port)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The id of the postmaster, or of the last one when stopped.
    pub fn pid(&self) -> u32 {
        self.server().pid()
    }

    /// Whether the postmaster has not ended.
    pub fn is_running(&self) -> bool {
        self.server().exit_status().is_none()
    }

    /// Stops the server in order, as an administrator would; sessions are cut off. Does nothing when it does not run.
    pub fn stop(&self) -> Result<(), Error> {
        self.server().end(Signal::INT, STOP_WITHIN).map(|_| ())
    }

    /// Ends all of the server's processes at once, as a crash would. The next start recovers.
    pub fn kill(&self) -> Result<(), Error> {
        self.server().end(Signal::KILL, Duration::ZERO)?;
        leftover::kill_postgres_of(&data(&self.folder.path))
    }

    /// Starts the server again on the same port with the same data, after stopping it if it runs.
    pub fn restart(&self) -> Result<(), Error> {
        let mut server = self.server();
        server.end(Signal::INT, STOP_WITHIN)?;
        clear_leftovers(&self.folder.path)?;
        let setup = Setup {
            tools: &self.tools,
            durable: self.durable,
            identity: self.identity,
            guard: &self.guard,
            dir: &self.folder.path,
        };
        *server = setup.run(&self.password, self.port).map_err(Unready::into_error)?;
        Ok(())
    }

    fn server(&self) -> MutexGuard<'_, Watched> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What it takes to start the server.
struct Setup<'a> {
    tools: &'a Tools,
    durable: bool,
    identity: Identity,
    guard: &'a Guard,
    dir: &'a Path,
}

impl Setup<'_> {
    /// The superuser's password: made once, readable to its owner only.
    fn password(&self) -> Result<Secret, Error> {
        let file = password_file(self.dir);
        if let Ok(password) = fs::read_to_string(&file)
            && !password.trim().is_empty()
        {
            return Ok(Secret(password.trim().to_owned()));
        }
        let password = random::word()?;
        File::options()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&file)
            .and_then(|mut open| writeln!(open, "{password}"))
            .map_err(Error::io("write", &file))?;
        self.identity.own(&file)?;
        Ok(Secret(password))
    }

    /// Makes the data folder if there is none; it appears complete or not at all.
    fn require_data(&self, major: u32) -> Result<(), Error> {
        let data = data(self.dir);
        let version_file = data.join("PG_VERSION");
        if data.exists() {
            let found = fs::read_to_string(&version_file).map_err(Error::io("read", &version_file))?;
            if found.trim() != major.to_string() {
                return Err(Error::OtherMajor { dir: data, found: found.trim().to_owned(), running: major });
            }
            return Ok(());
        }
        let unfinished = self.dir.join("data.unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(Error::io("remove", &unfinished))?;
        }
        let mut arguments: Vec<OsString> = vec!["--pgdata".into(), unfinished.clone().into(), "--pwfile".into()];
        arguments.push(password_file(self.dir).into());
        arguments.extend(
            ["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"].map(OsString::from),
        );
        if major >= 17 {
            // The same order on every machine, whatever its C library.
            arguments.push("--locale-provider=builtin".into());
        }
        if !self.durable {
            arguments.push("--no-sync".into());
        }
        let (log, initdb) = self.launch("initdb", arguments)?;
        match initdb.wait_for(READY_WITHIN) {
            Some(status) if status.success() => {
                fs::rename(&unfinished, &data).map_err(Error::io("name the finished data", &data))
            }
            Some(status) => Err(failed("initdb", &format!("failed ({status}):"), &log)),
            None => Err(failed("initdb", "is not done after a minute:", &log)),
        }
    }

    fn run(&self, password: &Secret, port: u16) -> Result<Watched, Unready> {
        let data = data(self.dir);
        let mut arguments: Vec<OsString> = vec!["-D".into(), data.clone().into()];
        let mut set = |setting: &str| arguments.extend(["-c".into(), setting.into()]);
        set("listen_addresses=127.0.0.1");
        set(&format!("port={port}"));
        // A socket's path has a length limit that a deep project folder exceeds.
        set("unix_socket_directories=");
        set("max_connections=200");
        // Not the zone that initdb found on this machine.
        set("timezone=UTC");
        set("log_timezone=UTC");
        if !self.durable {
            set("fsync=off");
            set("synchronous_commit=off");
            set("full_page_writes=off");
        }
        let (log, server) = self.launch("postgres", arguments)?;
        let deadline = Instant::now() + READY_WITHIN;
        let pid_file = data.join("postmaster.pid");
        loop {
            if let Some(status) = server.wait_for(Duration::from_millis(20)) {
                return Err(ended(status, &log));
            }
            // The file spares the log a refused connection for every look.
            if says_ready(&pid_file, server.pid()) && self.takes_a_connection(password, port)? {
                return Ok(server);
            }
            if Instant::now() > deadline {
                let error = failed("postgres", "takes no connections after a minute:", &log);
                server.end(Signal::QUIT, STOP_WITHIN)?;
                return Err(error.into());
            }
        }
    }

    fn launch(&self, name: &str, arguments: Vec<OsString>) -> Result<(Log, Watched), Error> {
        let (log, file) = Log::open(&self.dir.join("postgres.log"))?;
        let errors = file.try_clone().map_err(Error::io("open", &log.path))?;
        let line = self.identity.command_line(&self.tools.postgres_program(name), arguments);
        let child = self.guard.launch(line, |command| {
            clear_environment(command).stdout(file).stderr(errors);
        })?;
        Ok((log, Watched::new(name, child)?))
    }

    /// Whether our own password is taken there: then it is our server.
    fn takes_a_connection(&self, password: &Secret, port: u16) -> Result<bool, Error> {
        let psql = self.tools.postgres_program("psql");
        clear_environment(&mut Command::new(&psql))
            .args(["-X", "-q", "-w", "-c", "select", "-d"])
            .arg(format!("host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode=disable connect_timeout=5"))
            // Not on the command line, where every user of the machine could read it.
            .env("PGPASSWORD", &password.0)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map(|status| status.success())
            .map_err(Error::io("run", &psql))
    }
}

/// Stops what runs on this folder, and removes the file that would keep the server from starting when its number has
/// meanwhile gone to another process. The claim on the folder makes sure that nobody living started it.
fn clear_leftovers(dir: &Path) -> Result<(), Error> {
    let data = data(dir);
    let pid_file = data.join("postmaster.pid");
    leftover::stop(&pid_file, &data, Signal::INT, STOP_WITHIN)?;
    leftover::kill_postgres_of(&data)?;
    if pid_file.exists() {
        fs::remove_file(&pid_file).map_err(Error::io("remove", &pid_file))?;
    }
    Ok(())
}

/// The postmaster writes its number into the first line and its state into the eighth.
fn says_ready(pid_file: &Path, pid: u32) -> bool {
    let text = fs::read_to_string(pid_file).unwrap_or_default();
    let mut lines = text.lines();
    lines.next() == Some(pid.to_string().as_str()) && lines.nth(6).is_some_and(|state| state.trim() == "ready")
}

fn ended(status: ExitStatus, log: &Log) -> Unready {
    let error = failed("postgres", &format!("did not start ({status}):"), log);
    if log.text().contains("Address already in use") {
        return Unready::PortTaken(error);
    }
    Unready::Other(error)
}

fn failed(what: &str, how: &str, log: &Log) -> Error {
    Error::Failed { what: what.to_owned(), how: how.to_owned(), log: log.tail() }
}

/// The user's own `PG...` variables are meant for another server, and messages must be in English to be recognised.
fn clear_environment(command: &mut Command) -> &mut Command {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into());
    command.env_clear().env("PATH", path)
}

fn data(dir: &Path) -> PathBuf {
    dir.join("data")
}

fn password_file(dir: &Path) -> PathBuf {
    dir.join("password")
}
