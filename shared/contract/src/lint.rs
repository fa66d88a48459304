//! Lint: what in the configuration will hurt at call time. Each service answers for its own objects.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Example, Listing, NoRefusal, service};

service! {
    /// What will hurt at call time. Every service has its share.
    pub trait Lint("*", "lint") refuses NoRefusal {
        /// Find what will hurt at call time
        ///
        /// Answers everything in the configuration that will hurt at call time, over all services: the object, the reason and how to
        /// mend it.
        read fn list(ListFindings) -> Listing<Finding>;
    }
}

/// Something that will hurt at call time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What it is about, as in the history; also `sound_file` and `setting`.
    pub object_type: String,
    /// The object's id, as in the history; the name of a sound file or a setting.
    pub object_id: String,
    pub reason: String,
    pub remedy: String,
}

/// Asks for all that will hurt.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ListFindings {}

impl Example for Finding {
    fn example() -> Self {
        Self {
            object_type: "agent".to_owned(),
            object_id: "7".to_owned(),
            reason: "agent 1007 is in no queue: no caller ever reaches it".to_owned(),
            remedy: "give the agent queues, or delete it: PUT or DELETE 2.0/agents/7".to_owned(),
        }
    }
}
