//! The fields of the map by their names.

/// The names of all fields of the map, for readers to which their case does not matter.
pub(super) const JSON_NAMES: [&str; 23] = [
    "HomeParams",
    "Regions",
    "omitDefaultRegions",
    "RegionScore",
    "RegionID",
    "RegionCode",
    "RegionName",
    "Latitude",
    "Longitude",
    "Avoid",
    "NoMeasureNoHome",
    "Nodes",
    "Name",
    "HostName",
    "CertName",
    "IPv4",
    "IPv6",
    "STUNPort",
    "STUNOnly",
    "DERPPort",
    "InsecureForTests",
    "STUNTestIP",
    "CanPort80",
];
