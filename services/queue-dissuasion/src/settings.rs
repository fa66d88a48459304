//! The service's own settings.

use std::path::PathBuf;

use configmgt_runtime::settings::optional;

/// Where XiVO keeps the sounds that it plays.
const SOUNDS_DIR: &str = "/var/lib/xivo/sounds/playback/";

/// What the service is told beside where database and bus are.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The directory of the sound files: `SOUNDS_DIR`.
    pub sounds_dir: PathBuf,
    /// The name of the queue that every queue may dissuade to: `DEFAULT_DISSUASION_QUEUE`.
    pub default_queue: Option<String>,
}

impl Settings {
    pub(crate) fn from_environment() -> Self {
        let sounds_dir = optional("SOUNDS_DIR").map_or_else(|| PathBuf::from(SOUNDS_DIR), PathBuf::from);
        let default_queue = optional("DEFAULT_DISSUASION_QUEUE").map(|name| name.trim().to_owned());
        Self { sounds_dir, default_queue }
    }
}
