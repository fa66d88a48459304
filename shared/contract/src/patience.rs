//! How long a write may take. The edge waits no longer, and the services rely on that.

use std::time::Duration;

/// A lengthy write. What a service may still answer on the bus ends after a minute.
pub const LENGTHY: Duration = Duration::from_secs(50);

/// An import, until all of its content has come.
pub const IMPORT_CONTENT: Duration = Duration::from_mins(5);

/// An import, from the last piece of its content to its answer.
pub const IMPORT_ANSWER: Duration = Duration::from_mins(1);

/// Any write: it is an import, and its transaction is open all the time.
pub const LONGEST_WRITE: Duration = IMPORT_CONTENT.saturating_add(IMPORT_ANSWER);
