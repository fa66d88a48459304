//! What this machine already has, and its package manager.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use crate::log::Log;
use crate::{Error, Tools, version};

/// A nats-server and a PostgreSQL of this machine that are new enough, or what is missing: lines for an error message.
pub(crate) fn find() -> Result<Tools, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path: Vec<PathBuf> = env::split_paths(&path).collect();
    let nats_server =
        first_suitable("nats-server", "PATH", in_path.iter().map(|dir| dir.join("nats-server")), |program| {
            version::require_nats(program)
        });
    let postgres = first_suitable(
        "postgres",
        "PATH and /usr/lib/postgresql",
        in_path.iter().map(|dir| dir.join("postgres")).chain(debian_postgres()),
        |program| version::require_postgres(program).and_then(|_| require_the_rest_beside(program)),
    );
    match (nats_server, postgres) {
        (Ok(nats_server), Ok(postgres)) => {
            Ok(Tools { nats_server, postgres_bin: postgres.parent().unwrap_or(Path::new("/")).to_owned() })
        }
        (nats_server, postgres) => {
            Err([nats_server.err(), postgres.err()].into_iter().flatten().collect::<Vec<_>>().join("\n"))
        }
    }
}

pub(crate) fn has_apt_get_and_root() -> bool {
    geteuid().is_root() && Path::new("/usr/bin/apt-get").exists()
}

/// Installs Debian's or Ubuntu's python3 with venv.
pub(crate) fn install_venv(shelf: &Path, progress: &dyn Fn(&str)) -> Result<(), Error> {
    progress("There is no python3 with pip or venv: installing python3-venv with apt-get (a minute, once)");
    let log_file = shelf.join("install.log");
    for arguments in [&["update"][..], &["install", "-y", "--no-install-recommends", "python3-venv"]] {
        let (log, file) = Log::open(&log_file)?;
        let errors = file.try_clone().map_err(Error::io("open", &log_file))?;
        let status = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .status()
            .map_err(Error::io("run", Path::new("apt-get")))?;
        if !status.success() {
            return Err(Error::Failed {
                what: format!("apt-get {}", arguments.join(" ")),
                how: format!("failed ({status}):"),
                log: log.tail(),
            });
        }
    }
    Ok(())
}

/// Debian keeps the servers out of PATH, a folder for each major version. The newest comes first.
fn debian_postgres() -> Vec<PathBuf> {
    let Ok(versions) = fs::read_dir("/usr/lib/postgresql") else { return Vec::new() };
    let mut majors: Vec<u32> = versions.flatten().filter_map(|dir| dir.file_name().to_str()?.parse().ok()).collect();
    majors.sort_unstable_by(|one, other| other.cmp(one));
    majors.into_iter().map(|major| PathBuf::from(format!("/usr/lib/postgresql/{major}/bin/postgres"))).collect()
}

fn first_suitable(
    name: &str,
    places: &str,
    candidates: impl IntoIterator<Item = PathBuf>,
    check: impl Fn(&Path) -> Result<(), Error>,
) -> Result<PathBuf, String> {
    let mut refusals = Vec::new();
    // A link in PATH may stand alone, while the server looks for its other files beside the program itself.
    for program in candidates.into_iter().filter_map(|candidate| candidate.canonicalize().ok()) {
        match check(&program) {
            Ok(()) => return Ok(program),
            Err(error) => refusals.push(error.to_string()),
        }
    }
    if refusals.is_empty() {
        return Err(format!("- this machine: no {name} in {places}"));
    }
    refusals.dedup();
    Err(format!("- this machine: {}", refusals.join("; ")))
}

fn require_the_rest_beside(postgres: &Path) -> Result<(), Error> {
    for name in ["initdb", "pg_ctl", "psql"] {
        let program = postgres.with_file_name(name);
        fs::metadata(&program).map_err(Error::io("find", &program))?;
    }
    Ok(())
}
