//! Reading and writing whole maps.
use super::{
    DerpMap,
    fields::{JSON, Object, YAML},
    yaml::MapEntry,
};
use std::error::Error;

/// What aliases in YAML may expand to, in parser events; a map of a thousand nodes written out has some 30,000.
const MAX_REPLAYED_EVENTS: usize = 100_000;

/// Why a text is not a map.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// No JSON, or a field of the wrong type.
    #[error("map is not valid JSON: {cause}")]
    Json {
        /// Where and why, from the JSON crate.
        cause: Box<dyn Error + Send + Sync>,
    },
    /// No YAML, a field of the wrong type, or more nesting and aliases than any map needs.
    #[error("map is not valid YAML: {cause}")]
    Yaml {
        /// Where and why, from the YAML crate.
        cause: Box<dyn Error + Send + Sync>,
    },
}

impl DerpMap {
    /// Reads the JSON form: Go's names in any case; unknown fields are ignored, null is an empty map.
    ///
    /// # Errors
    /// [`MapError::Json`].
    pub fn from_json(text: &[u8]) -> Result<Self, MapError> {
        let map: Option<Object<Self, JSON>> = serde_json::from_slice(text).map_err(json)?;
        Ok(map.map_or_else(Self::default, |Object(map)| map))
    }

    /// Writes the JSON form, indented.
    ///
    /// # Errors
    /// [`MapError::Json`], though no map is known that has no JSON form.
    pub fn to_json(&self) -> Result<String, MapError> {
        serde_json::to_string_pretty(self).map_err(json)
    }

    /// Reads the YAML form: Go's names in lower case, letter for letter; unknown fields are ignored, null is an empty
    /// map.
    ///
    /// # Errors
    /// [`MapError::Yaml`].
    pub fn from_yaml(text: &str) -> Result<Self, MapError> {
        let options = serde_saphyr::options! {
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_REPLAYED_EVENTS },
            with_snippet: false,
        };
        let map: Option<Object<MapEntry, YAML>> =
            serde_saphyr::from_str_with_options(text, options).map_err(yaml)?;
        Ok(map.map_or_else(Self::default, |Object(MapEntry(map))| map))
    }

    /// Writes the YAML form.
    ///
    /// # Errors
    /// [`MapError::Yaml`], though no map is known that has no YAML form.
    pub fn to_yaml(&self) -> Result<String, MapError> {
        serde_saphyr::to_string(&MapEntry(self.clone())).map_err(yaml)
    }
}

fn json(cause: serde_json::Error) -> MapError {
    MapError::Json { cause: cause.into() }
}

fn yaml(cause: impl Error + Send + Sync + 'static) -> MapError {
    MapError::Yaml { cause: cause.into() }
}

#[cfg(test)]
#[path = "forms_tests.rs"]
mod tests;
