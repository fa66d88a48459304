//! What has been read of a write's content.

use bytes::Bytes;
use configmgt_contract::{Fault, Kind, OperationDoc, Upload};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};

/// Of an import, what its pieces were so far.
pub(super) enum Content {
    /// The write has none.
    None,
    Begun(Sha256),
    Whole(Sha256),
    /// The rest will not come.
    Broken,
}

impl Content {
    /// Nothing of what the operation has.
    pub(super) fn of(operation: OperationDoc) -> Self {
        if operation.kind == Kind::Import { Self::Begun(Sha256::new()) } else { Self::None }
    }

    /// The next piece of `upload` has come, or its end.
    pub(super) fn add(&mut self, next: Option<&Result<Bytes, Fault>>) {
        let Self::Begun(digest) = self else { return };
        match next {
            Some(Ok(piece)) => digest.update(piece),
            Some(Err(_)) => *self = Self::Broken,
            None => *self = Self::Whole(std::mem::take(digest)),
        }
    }

    /// Reads what is left of `upload`. False where that does not come to its end.
    pub(super) async fn finish(&mut self, upload: &mut Upload) -> bool {
        while let Self::Begun(_) = self {
            self.add(upload.next().await.as_ref());
        }
        !matches!(self, Self::Broken)
    }

    /// What tells it from others, where there is one and it is whole.
    pub(super) fn digest(&self) -> Option<Vec<u8>> {
        match self {
            Self::Whole(digest) => Some(digest.clone().finalize().to_vec()),
            Self::None | Self::Begun(_) | Self::Broken => None,
        }
    }
}
