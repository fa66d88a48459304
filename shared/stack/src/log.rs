use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::Error;

/// A log of more than this is started afresh at the next start, in bytes.
const LARGE: u64 = 16 * 1024 * 1024;

/// A server's log file, and where the present run's part of it begins.
pub(crate) struct Log {
    pub(crate) path: PathBuf,
    from: u64,
}

impl Log {
    /// Opens the log for a new run.
    pub(crate) fn open(path: &Path) -> Result<(Log, File), Error> {
        let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
        let afresh = length > LARGE;
        if afresh {
            fs::remove_file(path).map_err(Error::io("remove", path))?;
        }
        let file = File::options().create(true).append(true).open(path).map_err(Error::io("open", path))?;
        let log = Log { path: path.to_owned(), from: if afresh { 0 } else { length } };
        Ok((log, file))
    }

    /// What this run wrote.
    pub(crate) fn text(&self) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(self.from))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_or_else(
            |error| format!("(its log cannot be read: {error})"),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    /// The last lines of this run and where to read the rest, for an error message.
    pub(crate) fn tail(&self) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(20)..];
        format!("{}\n(log: {})", last.join("\n"), self.path.display())
    }
}
