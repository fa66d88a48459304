use bytes::Bytes;
use configmgt_bus::Transport;
use configmgt_contract::{Call, Fault, Operation, Upload, imports::GetImport};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{
    Tested,
    tested::{value, whole},
};

/// A file in two pieces, cut in the middle.
pub fn content(file: impl AsRef<[u8]>) -> Upload {
    let file = file.as_ref();
    let (first, second) = file.split_at(file.len() / 2);
    stream::iter([first, second].map(|piece| Ok(Bytes::copy_from_slice(piece)))).boxed()
}

impl Tested {
    /// Asks for an import, with its content.
    pub async fn upload<O: Operation>(&self, call: Call, request: Value, content: Upload) -> Result<Value, Fault> {
        let answer = self.local.import(self.request::<O>(request, call), content).await?;
        Ok(value(&whole(answer).body))
    }

    /// How far an import has come, without its times.
    pub async fn progress(&self, import: &str) -> Result<Value, Fault> {
        let mut import = self.ask::<GetImport>(json!({"id": import})).await?;
        for time in ["startedAt", "updatedAt"] {
            let time = import.as_object_mut().unwrap().remove(time).unwrap();
            assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
        }
        Ok(import)
    }
}
