//! How fields are read where Go's rules differ from serde's own: null is zero, and a list is no object.
use serde::{Deserialize, Deserializer, de};
use std::{collections::BTreeMap, fmt, marker::PhantomData};

/// Whether a field has its zero value and is left out.
pub(super) fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Null is zero.
pub(super) fn or_zero<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An object, or null.
pub(super) fn object_or_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let object: Option<Object<T>> = Option::deserialize(deserializer)?;
    Ok(object.map(|Object(value)| value))
}

/// A list of objects; null is empty, and nulls inside are dropped.
pub(super) fn objects<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let entries: Option<Vec<Option<Object<T>>>> = Option::deserialize(deserializer)?;
    Ok(entries.into_iter().flatten().flatten().map(|Object(value)| value).collect())
}

/// An object whose names are decimal numbers; null is empty, of repeated numbers the last counts.
pub(super) fn by_number<'de, D, T>(deserializer: D) -> Result<BTreeMap<i64, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let entries: Option<BTreeMap<Number, T>> = Option::deserialize(deserializer)?;
    Ok(entries.into_iter().flatten().map(|(Number(number), value)| (number, value)).collect())
}

/// As [`by_number`], with values that are objects or null.
pub(super) fn objects_by_number<'de, D, T>(deserializer: D) -> Result<BTreeMap<i64, Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let entries: BTreeMap<i64, Option<Object<T>>> = by_number(deserializer)?;
    Ok(entries.into_iter().map(|(number, object)| (number, object.map(|Object(value)| value))).collect())
}

/// A value that must be written as an object; serde alone would take a list of its fields too.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// A number written in decimal as the name of a field.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Number(i64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let wrong = |_| de::Error::invalid_value(de::Unexpected::Str(&name), &"a decimal number");
        name.parse().map(Number).map_err(wrong)
    }
}
