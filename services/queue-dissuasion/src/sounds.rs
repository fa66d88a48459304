//! The sound files that queues can dissuade to: the listing of one directory, read over and over beside the requests.
//!
//! Notifications of the kernel would tell of changes sooner, but not of those that another machine makes on a network file system,
//! where XiVO's sounds may well lie. A listing every half second is right within a second everywhere, and costs some milliseconds
//! for thousands of files, on a thread of its own. A request takes the last one as it is, however long the next one takes.

use std::{
    collections::BTreeSet,
    fs::{self, DirEntry},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::sync::watch;
use tracing::{error, info, warn};

/// Between two listings.
const PAUSE: Duration = Duration::from_millis(500);

/// What Asterisk plays.
const EXTENSIONS: [&str; 10] = ["wav", "wav49", "gsm", "ogg", "ulaw", "alaw", "au", "vox", "sln", "mp3"];

/// The sound files as they were less than a second ago. Clones share them.
#[derive(Clone)]
pub(crate) struct Sounds {
    /// Nothing until the first listing is made.
    latest: watch::Receiver<Option<Arc<Listing>>>,
}

/// What a directory held: names without extensions, each once, in their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    names: Vec<String>,
}

impl Sounds {
    /// Lists `directory` from now on, until the last clone is dropped. One that is missing or cannot be read is empty.
    pub(crate) fn watch(directory: PathBuf) -> Self {
        let (sender, latest) = watch::channel(None);
        let spawned = thread::Builder::new().name("sounds".to_owned()).spawn(move || keep_listing(&directory, &sender));
        if let Err(error) = spawned {
            error!(%error, "the thread that lists sound files could not be started");
        }
        Self { latest }
    }

    /// The latest listing. Only at the service's very beginning there is a wait.
    pub(crate) async fn latest(&self) -> Arc<Listing> {
        let mut latest = self.latest.clone();
        // Without its thread there are no sounds.
        let listing = latest.wait_for(Option::is_some).await.ok().and_then(|listing| listing.clone());
        listing.unwrap_or_default()
    }
}

fn keep_listing(directory: &Path, listings: &watch::Sender<Option<Arc<Listing>>>) {
    let mut failing = false;
    while !listings.is_closed() {
        let listing = Listing::read(directory);
        match (&listing, failing) {
            (Err(error), false) => warn!(%error, directory = %directory.display(), "no sound files can be listed"),
            (Ok(_), true) => info!(directory = %directory.display(), "sound files can be listed again"),
            _ => {}
        }
        failing = listing.is_err();
        listings.send_replace(Some(Arc::new(listing.unwrap_or_default())));
        thread::sleep(PAUSE);
    }
}

impl Listing {
    fn read(directory: &Path) -> io::Result<Self> {
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if let Some(name) = entry.file_name().to_str().and_then(sound_name)
                && is_file(&entry)
            {
                names.insert(name.to_owned());
            }
        }
        Ok(Self { names: names.into_iter().collect() })
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.names.binary_search_by(|known| known.as_str().cmp(name)).is_ok()
    }

    /// Those that are available to a queue: their names begin with its name and `_`.
    pub(crate) fn of_queue(&self, queue_name: &str) -> &[String] {
        let prefix = format!("{queue_name}_");
        let from = self.names.partition_point(|name| *name < prefix);
        let those = &self.names[from..];
        &those[..those.partition_point(|name| name.starts_with(&prefix))]
    }
}

/// The name of the sound in a file of this name, if one can be: a known extension is left off, and there may be none.
fn sound_name(file_name: &str) -> Option<&str> {
    // A name that no terminal shows as it is was not made for callers.
    if file_name.chars().any(char::is_control) {
        return None;
    }
    let (name, extension) = file_name.rsplit_once('.').unwrap_or((file_name, EXTENSIONS[0]));
    (!name.is_empty() && EXTENSIONS.contains(&extension)).then_some(name)
}

/// Also a link to one. What vanishes meanwhile is none.
fn is_file(entry: &DirEntry) -> bool {
    let Ok(kind) = entry.file_type() else { return false };
    kind.is_file() || (kind.is_symlink() && fs::metadata(entry.path()).is_ok_and(|target| target.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(names: &[&str]) -> Listing {
        Listing { names: names.iter().map(|name| (*name).to_owned()).collect() }
    }

    #[test]
    fn a_known_extension_is_left_off_and_there_may_be_none() {
        for (file, name) in [
            ("sales_a.wav", Some("sales_a")),
            ("sales_a.wav49", Some("sales_a")),
            ("sales_a", Some("sales_a")),
            ("sales_a.b.mp3", Some("sales_a.b")),
            ("sales_a.b", None),
            ("sales_a.WAV", None),
            ("sales_a.wav.bak", None),
            (".wav", None),
            ("sales_\n.wav", None),
            ("sales_Ünï code, & more.gsm", Some("sales_Ünï code, & more")),
        ] {
            assert_eq!(sound_name(file), name, "{file}");
        }
    }

    #[test]
    fn a_queue_can_use_what_begins_with_its_name_and_an_underscore() {
        let sounds = listing(&["sales", "sales-2_a", "sales_", "sales_a", "sales_b", "salesman_a", "support_a"]);
        assert_eq!(sounds.of_queue("sales"), ["sales_", "sales_a", "sales_b"]);
        assert_eq!(sounds.of_queue("salesman"), ["salesman_a"]);
        assert_eq!(sounds.of_queue("sale"), [""; 0]);
        assert_eq!(sounds.of_queue("zzz"), [""; 0]);
        assert!(sounds.contains("support_a") && !sounds.contains("support"));
    }
}
