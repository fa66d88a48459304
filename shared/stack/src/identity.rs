//! The user PostgreSQL runs as: it refuses to run as root.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;
use std::process::Command;

use rustix::process::geteuid;

use crate::Error;

/// "nobody" everywhere that matters; the number is used because the name may be missing.
const NOBODY: u32 = 65_534;

/// Who a program runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Whoever we are: an ordinary user.
    Same,
    /// We are root and become another user.
    Switched,
    /// We are root and stay it, but the program sees another number: a user namespace. This reaches below folders that
    /// are closed to everybody but root, such as /root; but containers often forbid it.
    Mapped,
}

impl Identity {
    /// The identity with which `program` runs and can write in `dir`, found by trying. Makes `dir` belong to it.
    pub(crate) fn choose(dir: &Path, program: &Path) -> Result<Identity, Error> {
        if !geteuid().is_root() {
            return Ok(Identity::Same);
        }
        let mut tried = Vec::new();
        for identity in [Identity::Switched, Identity::Mapped] {
            match identity.try_out(dir, program) {
                Ok(()) => {
                    identity.take_over(dir)?;
                    return Ok(identity);
                }
                Err(why) => tried.push(format!("  {identity:?}: {why}")),
            }
        }
        Err(Error::NoIdentity { dir: dir.to_owned(), tried: tried.join("\n") })
    }

    /// The command line that runs a program with this identity, in the same process.
    pub(crate) fn command_line<A: AsRef<OsStr>>(
        self,
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Vec<OsString> {
        let prefix: &[&str] = match self {
            Identity::Same => &[],
            Identity::Switched => &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
            Identity::Mapped => &["unshare", "--user", "--map-user=65534", "--map-group=65534"],
        };
        let mut line: Vec<OsString> = prefix.iter().map(OsString::from).collect();
        line.push(program.into());
        line.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        line
    }

    /// Makes one file belong to this identity.
    pub(crate) fn own(self, file: &Path) -> Result<(), Error> {
        match self.owner() {
            None => Ok(()),
            owner => lchown(file, owner, owner).map_err(Error::io("change the owner of", file)),
        }
    }

    /// Who must own the files, as seen from here.
    fn owner(self) -> Option<u32> {
        match self {
            Identity::Same => None,
            Identity::Switched => Some(NOBODY),
            Identity::Mapped => Some(0),
        }
    }

    fn try_out(self, dir: &Path, program: &Path) -> Result<(), String> {
        let owner = self.owner();
        lchown(dir, owner, owner).map_err(|error| error.to_string())?;
        let script = r#": > "$1/probe" && rm "$1/probe" && exec "$2" --version"#;
        let arguments = [OsStr::new("-c"), OsStr::new(script), OsStr::new("sh"), dir.as_os_str(), program.as_os_str()];
        let line = self.command_line(Path::new("/bin/sh"), arguments);
        let output = Command::new(&line[0])
            .args(&line[1..])
            .current_dir("/")
            .output()
            .map_err(|error| format!("{}: {error}", line[0].display()))?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }

    /// Makes everything in `dir` belong to this identity: an earlier start may have chosen another.
    fn take_over(self, dir: &Path) -> Result<(), Error> {
        let Some(owner) = self.owner() else { return Ok(()) };
        let metadata = fs::symlink_metadata(dir).map_err(Error::io("look at", dir))?;
        if metadata.uid() != owner {
            self.own(dir)?;
        }
        if !metadata.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
            self.take_over(&entry.map_err(Error::io("list", dir))?.path())?;
        }
        Ok(())
    }
}
