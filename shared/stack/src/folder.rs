//! A server's own folder, used by one process at a time.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;

/// A folder that this process alone uses while the value lives. The kernel takes the claim back when the process ends,
/// however it ends.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    _claim: File,
}

impl Folder {
    /// Makes the folder if need be and claims it.
    pub(crate) fn claim(path: &Path) -> Result<Folder, Error> {
        let path = absolute(path)?;
        create(&path)?;
        let lock_file = path.join("lock");
        let claim = File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&lock_file)
            .map_err(Error::io("open", &lock_file))?;
        // A process that was killed a moment ago may still be on its way out.
        let deadline = Instant::now() + Duration::from_secs(2);
        loop {
            match claim.try_lock() {
                Ok(()) => return Ok(Folder { path, _claim: claim }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => return Err(Error::InUse { dir: path }),
                Err(TryLockError::Error(error)) => return Err(Error::io("lock", &lock_file)(error)),
            }
        }
    }
}

/// Makes a folder with the parents it lacks. The last is closed to others: it will hold passwords and data.
pub(crate) fn create(path: &Path) -> Result<(), Error> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(Error::io("create the folder", parent))?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(_) if path.is_dir() => Ok(()),
        created => created.map_err(Error::io("create the folder", path)),
    }
}

/// The servers run with / as their working directory, so every path they are given is absolute.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(Error::io("make absolute", path))
}
