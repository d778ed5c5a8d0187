//! How fields are read where Go's rules differ from serde's own: null is zero, a list is no object, a quoted number is
//! no number in YAML, and names match in any case in JSON.
use crate::go_case::same_name;
use serde::{
    Deserialize, Deserializer,
    de::{self, IntoDeserializer as _},
};
use std::{collections::BTreeMap, fmt, marker::PhantomData};

/// Reads by the rules of JSON.
pub(super) const JSON: bool = true;
/// Reads by the rules of YAML.
pub(super) const YAML: bool = false;

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

/// YAML: a whole number without quotes; null is zero.
pub(super) fn whole_or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    or_zero(deserializer).map(|Number::<YAML>(number)| number)
}

/// YAML: a finite number without quotes; null is zero.
pub(super) fn finite_or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    or_zero(deserializer).map(|Finite(number)| number)
}

/// An object, or null.
pub(super) fn object_or_none<'de, D, T, const FORM: bool>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let object: Option<Object<T, FORM>> = Option::deserialize(deserializer)?;
    Ok(object.map(|Object(value)| value))
}

/// A list of objects; null is empty, and nulls inside are dropped.
pub(super) fn objects<'de, D, T, const FORM: bool>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let entries: Option<Vec<Option<Object<T, FORM>>>> = Option::deserialize(deserializer)?;
    Ok(entries.into_iter().flatten().flatten().map(|Object(value)| value).collect())
}

/// An object whose names are decimal numbers; null is empty, of repeated numbers the last counts.
fn by_number<'de, D, T, const FORM: bool>(deserializer: D) -> Result<BTreeMap<i64, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let entries: Option<BTreeMap<Number<FORM>, T>> = Option::deserialize(deserializer)?;
    Ok(entries.into_iter().flatten().map(|(Number(number), value)| (number, value)).collect())
}

/// As [`by_number`], with values that are objects or null.
pub(super) fn objects_by_number<'de, D, T, const FORM: bool>(
    deserializer: D,
) -> Result<BTreeMap<i64, Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let entries: BTreeMap<i64, Option<Object<T, FORM>>> = by_number::<_, _, FORM>(deserializer)?;
    Ok(entries.into_iter().map(|(number, object)| (number, object.map(|Object(value)| value))).collect())
}

/// Numbers by number; null is empty, and a null inside is zero.
pub(super) fn scores<'de, D, const FORM: bool>(deserializer: D) -> Result<BTreeMap<i64, f64>, D::Error>
where
    D: Deserializer<'de>,
{
    let scores: BTreeMap<i64, Option<Finite>> = by_number::<_, _, FORM>(deserializer)?;
    let or_zero = |score: Option<Finite>| score.map_or(0.0, |Finite(score)| score);
    Ok(scores.into_iter().map(|(number, score)| (number, or_zero(score))).collect())
}

/// A value that must be written as an object; serde alone would take a list of its fields too.
pub(super) struct Object<T, const FORM: bool>(pub(super) T);

impl<'de, T: Deserialize<'de>, const FORM: bool> Deserialize<'de> for Object<T, FORM> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T, const FORM: bool>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const FORM: bool> de::Visitor<'de> for Fields<T, FORM> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                if FORM == JSON {
                    T::deserialize(de::value::MapAccessDeserializer::new(AnyCase(map)))
                } else {
                    T::deserialize(de::value::MapAccessDeserializer::new(map))
                }
            }
        }

        deserializer.deserialize_map(Fields::<T, FORM>(PhantomData)).map(Self)
    }
}

/// Hands on the fields of an object under the names that serde knows.
struct AnyCase<A>(A);

impl<'de, A: de::MapAccess<'de>> de::MapAccess<'de> for AnyCase<A> {
    type Error = A::Error;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(written) = self.0.next_key::<String>()? else { return Ok(None) };
        let known = super::names::JSON_NAMES.iter().find(|known| same_name(&written, known));
        seed.deserialize(known.copied().unwrap_or(&written).into_deserializer()).map(Some)
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}

/// A whole number: in JSON the name of a field, decimal digits; in YAML one without quotes.
#[derive(Default, PartialEq, Eq, PartialOrd, Ord)]
struct Number<const FORM: bool>(i64);

impl<'de, const FORM: bool> Deserialize<'de> for Number<FORM> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole<const FORM: bool>;

        impl<const FORM: bool> de::Visitor<'_> for Whole<FORM> {
            type Value = i64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<i64, E> {
                Ok(number)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<i64, E> {
                number.try_into().map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<i64, E> {
                let number = if FORM == JSON { text.parse().ok() } else { None };
                number.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Whole::<FORM>).map(Self)
    }
}

/// A number without quotes. Both crates refuse infinities and the like where any type may stand.
#[derive(Default)]
struct Finite(f64);

impl<'de> Deserialize<'de> for Finite {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyNumber;

        impl de::Visitor<'_> for AnyNumber {
            type Value = f64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a finite number")
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<f64, E> {
                Ok(number)
            }

            #[expect(clippy::as_conversions, reason = "large numbers are rounded, as Go does")]
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<f64, E> {
                Ok(number as f64)
            }

            #[expect(clippy::as_conversions, reason = "large numbers are rounded, as Go does")]
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<f64, E> {
                Ok(number as f64)
            }
        }

        deserializer.deserialize_any(AnyNumber).map(Self)
    }
}
