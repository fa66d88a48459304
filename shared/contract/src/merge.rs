//! What `null` means in a request: left out in one that gives all of an object, removed in a JSON merge patch (RFC 7396).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A member of a merge patch.
///
/// A field of this type needs `#[serde(default, skip_serializing_if = "Member::is_absent")]`: what is left out is told from `null`
/// by not being there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Member<T> {
    /// Left out: the value stays as it is.
    #[default]
    Absent,
    /// `null`: the value is removed.
    Null,
    Value(T),
}

impl<T> Member<T> {
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<T: Default> Member<T> {
    /// Makes of `value` what this says. What is removed is as if it had never been given.
    pub fn merge_into(self, value: &mut T) {
        match self {
            Self::Absent => {}
            Self::Null => *value = T::default(),
            Self::Value(new) => *value = new,
        }
    }
}

impl<T: Serialize> Serialize for Member<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent | Self::Null => serializer.serialize_none(),
            Self::Value(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

/// Reads a field whose `null` counts as left out.
pub(crate) fn null_is_left_out<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
