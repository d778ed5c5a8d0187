//! The settings of the map that the relay serves.

use super::{
    Include, MapSettings,
    ledger::Ledger,
    limits,
    problem::{FileError, ValueError},
    register_map as keys, value,
};

impl Ledger {
    pub(super) fn map(&mut self) -> Option<MapSettings> {
        let serve = self.one(&keys::MAP_SERVE, value::parse_switch);
        let region_id = self.one(&keys::MAP_ID, |text| value::parse_count(text, &limits::REGION_ID));
        let region_code = self.one(&keys::MAP_CODE, parse_text);
        let region_name = self.one(&keys::MAP_NAME, parse_text);
        let node_name = self.one(&keys::MAP_NODE, |text| value::parse_or(text, "auto", parse_text));
        let include = self.many(&keys::MAP_INCLUDE, parse_include);
        let files_are_there = include.iter().flatten().all(|include| match include {
            Include::File(path) => {
                self.file(&keys::MAP_INCLUDE, path.display(), FileError::check_file(path)).is_some()
            }
            Include::Url(_) => true,
        });
        let without = self.many(&keys::MAP_WITHOUT, parse_text);
        let refresh = self.one(&keys::MAP_REFRESH, |text| value::parse_duration(text, &limits::REFRESH));
        Some(MapSettings {
            serve: serve?,
            region_id: region_id?.try_into().ok()?,
            region_code: region_code?,
            region_name: region_name?,
            node_name: node_name?,
            include: include.filter(|_| files_are_there)?,
            without: without?,
            refresh: refresh?,
        })
    }
}

fn parse_text(text: &str) -> Result<String, ValueError> {
    if text.trim().is_empty() { Err(ValueError::Empty) } else { Ok(text.to_owned()) }
}

fn parse_include(text: &str) -> Result<Include, ValueError> {
    match text.split_once("://") {
        Some(_) if value::is_url(text) => Ok(Include::Url(text.to_owned())),
        Some(_) => Err(value::unknown_word(text, &["https://", "http://"])),
        None => value::parse_path(text).map(Include::File),
    }
}
