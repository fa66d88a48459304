//! The rules of lines.

use std::ops::RangeInclusive;

use configmgt_contract::{
    Call, Failure, Outcome,
    lines::{self, CreateLine, DeleteLine, GetLine, LineFields, LineRefusal, LineType, UpdateLine},
};
use configmgt_runtime::{
    journal::{Change, Journal},
    journaled, text,
};

use crate::store::{
    broken_constraint,
    lines::{self as store, NewLine},
};

/// The site and the slot of a line for which none is named.
pub(crate) const DEFAULT_SITE: &str = "default";
pub(crate) const DEFAULT_LINE_NUM: i32 = 1;

/// The slots that a device may have.
const LINE_NUMS: RangeInclusive<i32> = 1..=64;

/// The most characters of a device.
const MAX_DEVICE: usize = 32;

pub(crate) struct Lines {
    journal: Journal,
    by_user: store::LineLookup,
}

impl Lines {
    pub(crate) fn new(journal: Journal) -> Self {
        let by_user = store::lookup(journal.connections());
        Self { journal, by_user }
    }
}

journaled!(Lines);

impl lines::Lines for Lines {
    async fn get(&self, _: &Call, GetLine { user_id }: GetLine) -> Outcome<GetLine> {
        self.by_user.get(user_id).await?.ok_or_else(|| LineRefusal::NotGot { user_id }.into())
    }

    async fn create(&self, change: &mut Change, CreateLine { user_id, line }: CreateLine) -> Outcome<CreateLine> {
        let line = checked(line)?;
        match store::insert(change.connection(), user_id, &line).await {
            Ok(Some(line)) => Ok(line),
            Ok(None) => Err(LineRefusal::NotCreated { user_id }.into()),
            // Another write has given him a line meanwhile.
            Err(error) if broken_constraint(&error) == Some("line_user_id_key") => {
                Err(LineRefusal::NotCreated { user_id }.into())
            }
            Err(error) => Err(refused(error, &line, |reason| LineRefusal::CannotBeCreated { user_id, reason })),
        }
    }

    async fn update(&self, change: &mut Change, UpdateLine { user_id, line }: UpdateLine) -> Outcome<UpdateLine> {
        let line = checked(line)?;
        let cannot_be_updated = |reason| LineRefusal::CannotBeUpdated { user_id, reason };
        let from = store::lock(change.connection(), user_id).await?.ok_or(LineRefusal::NotUpdated { user_id })?;
        let to = line.line_type;
        if !from.can_become(to) {
            let reason = format!("a line of type {from} cannot become one of type {to}: delete it and create another");
            return Err(cannot_be_updated(reason).into());
        }
        let updated = store::update(change.connection(), user_id, &line).await;
        updated.map_err(|error| refused(error, &line, cannot_be_updated))
    }

    async fn delete(&self, change: &mut Change, DeleteLine { user_id }: DeleteLine) -> Outcome<DeleteLine> {
        if store::delete(change.connection(), user_id).await? {
            Ok(())
        } else {
            Err(LineRefusal::NotDeleted { user_id }.into())
        }
    }
}

fn checked(line: LineFields) -> Result<NewLine, LineRefusal> {
    let LineFields { line_type, context, extension, site, line_num, device } = line;
    let bad = |reason| LineRefusal::BadValue { reason };
    let site = site.unwrap_or_else(|| DEFAULT_SITE.to_owned());
    for (field, name) in [("context", &context), ("site", &site)] {
        text::check(field, name, text::MAX).map_err(bad)?;
    }
    text::dialled(&extension).map_err(|reason| bad(format!("extension {reason}")))?;
    if let Some(device) = &device {
        self::device(device).map_err(|reason| bad(format!("device {reason}")))?;
    }
    let line_num = match line_num {
        Some(slot) => self::line_num(Some(line_type), Some(slot)).map_err(|reason| bad(format!("lineNum {reason}")))?,
        None => DEFAULT_LINE_NUM,
    };
    let name = self::name(line_type, &extension, &context);
    Ok(NewLine { line_type, context, extension, site, name, line_num, device })
}

/// The name of a line that has no drawn one.
pub(crate) fn name(line_type: LineType, extension: &str, context: &str) -> Option<String> {
    match line_type {
        LineType::Phone | LineType::Webrtc | LineType::Ua => None,
        LineType::Sccp => Some(extension.to_owned()),
        LineType::Custom => Some(format!("Local/{extension}@{context}")),
    }
}

/// The slot, or why a line of this type, as far as it has one, cannot have it. A softphone in a browser has no slots: what says so
/// with a 0 says nothing.
pub(crate) fn line_num(line_type: Option<LineType>, slot: Option<i64>) -> Result<i32, String> {
    if (line_type, slot) == (Some(LineType::Webrtc), Some(0)) {
        return Ok(DEFAULT_LINE_NUM);
    }
    slot.and_then(|slot| i32::try_from(slot).ok())
        .filter(|slot| LINE_NUMS.contains(slot))
        .ok_or_else(|| format!("is no whole number from {} to {}", LINE_NUMS.start(), LINE_NUMS.end()))
}

/// Says why a text is no device, if it is none.
pub(crate) fn device(text: &str) -> Result<(), String> {
    is_device(text).then_some(()).ok_or_else(|| format!("is not 1 to {MAX_DEVICE} of a to z and the digits"))
}

fn is_device(text: &str) -> bool {
    (1..=MAX_DEVICE).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// Says no with what stood in the way of a line, by the constraint that it would have broken.
fn refused(error: sqlx::Error, line: &NewLine, no: impl FnOnce(String) -> LineRefusal) -> Failure<LineRefusal> {
    let NewLine { context, extension, site, .. } = line;
    let reason = match broken_constraint(&error) {
        Some("line_extension_context_key") => format!("extension {extension} is taken in context {context}"),
        Some("line_context") => format!("context {context} does not exist"),
        Some("line_site") => format!("site {site} does not exist"),
        // A SIP line for which there was no code.
        Some("line_provisioning_id") => return LineRefusal::NothingFree {}.into(),
        _ if store::drew_the_same(&error) => return LineRefusal::NothingFree {}.into(),
        _ => return error.into(),
    };
    no(reason).into()
}
