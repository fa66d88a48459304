//! A folder with sound files for a test.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// It disappears with this value.
pub(crate) struct SoundsFolder(PathBuf);

impl SoundsFolder {
    /// Its name is given, and nothing is there.
    pub(crate) fn missing() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(env::temp_dir().join(format!("configmgt-sounds-{}-{number}", process::id())))
    }

    pub(crate) fn with(files: &[&str]) -> Self {
        let folder = Self::missing();
        folder.create();
        for file in files {
            folder.add(file);
        }
        folder
    }

    pub(crate) fn create(&self) {
        fs::create_dir(&self.0).unwrap();
    }

    pub(crate) fn add(&self, file: &str) {
        fs::write(self.0.join(file), "").unwrap();
    }

    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.0.join(file)).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SoundsFolder {
    fn drop(&mut self) {
        // It may be missing.
        let _ = fs::remove_dir_all(&self.0);
    }
}
