//! What is wrong with a map, as data.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "there are three on purpose")]
pub enum Severity {
    /// It is as it may be, and worth knowing.
    Note,
    /// It works, but hardly as it was meant.
    Warning,
    /// Clients, or the control plane that reads the map, fail on it or read something else than was meant.
    Error,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Line and column, both from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "a place in a text has these two")]
pub struct At {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// Where something was found; what does not apply is none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// File, URL, or `stdin`.
    pub source: String,
    /// Place in its text.
    #[serde(flatten)]
    pub at: Option<At>,
    /// Id of the region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<i64>,
    /// Name of the node, or its number in the region (`#1` is the first) if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Field, as the form of the text names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Which kind of mistake.
    pub rule: Rule,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What is there.
    pub found: String,
    /// What may be there.
    pub expected: String,
    /// What to do.
    pub cure: String,
}

macro_rules! rules {
    ($($severity:ident { $($(#[doc = $doc:literal])+ $rule:ident = $word:literal,)+ })+) => {
        /// The kinds of mistakes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[non_exhaustive]
        pub enum Rule {
            $($($(#[doc = $doc])+ #[serde(rename = $word)] $rule,)+)+
        }

        impl Rule {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$($(Self::$rule,)+)+];

            /// How bad it is.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self {
                    $($(Self::$rule)|+ => Severity::$severity,)+
                }
            }

            /// Its word, for scripts.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $($(Self::$rule => $word,)+)+
                }
            }
        }
    };
}

rules! {
    Error {
        /// The file or URL cannot be read.
        Unreadable = "unreadable",
        /// The URL answers with something else than 200.
        HttpStatus = "http-status",
        /// A web page instead of a map.
        WebPage = "web-page",
        /// Neither JSON nor YAML.
        Syntax = "syntax",
        /// JSON or YAML that is no map.
        NotAMap = "not-a-map",
        /// No region is in it.
        NoRegions = "no-regions",
        /// JSON in a file that is read as YAML.
        JsonAsYaml = "json-as-yaml",
        /// YAML where JSON is read.
        YamlAsJson = "yaml-as-json",
        /// The same key twice in one object.
        DuplicateKey = "duplicate-key",
        /// A value of another type than its field's.
        WrongType = "wrong-type",
        /// A field's name in a form that is silently passed over.
        MistypedKey = "mistyped-key",
        /// A null where a node should be.
        NullNode = "null-node",
        /// A region's id is none that clients can use.
        RegionIdRange = "region-id-range",
        /// A region's id differs from its key in the map.
        RegionIdDiffers = "region-id-differs",
        /// Two regions with one id.
        DuplicateRegionId = "duplicate-region-id",
        /// A region without a node that relays.
        NoRelay = "no-relay",
        /// A map without a node that relays, none of whose regions is to be home.
        NobodyRelays = "nobody-relays",
        /// A node without a name.
        NodeNameMissing = "node-name-missing",
        /// Two nodes with one name.
        DuplicateNodeName = "duplicate-node-name",
        /// A node's region id differs from that of its region.
        NodeRegionDiffers = "node-region-differs",
        /// A node without a host name.
        HostNameMissing = "host-name-missing",
        /// A host name that is none.
        HostNameBad = "host-name-bad",
        /// A text that is no address of its family, or one that no host has.
        AddressBad = "address-bad",
        /// No address family is left to reach the node by.
        NoAddress = "no-address",
        /// The host name has no address, and the map gives none.
        NameUnresolved = "name-unresolved",
        /// A number that is no port.
        PortRange = "port-range",
        /// A node that neither relays nor answers STUN.
        NodeIdle = "node-idle",
        /// A pin that cannot be read.
        PinBad = "pin-bad",
        /// A certificate name that is none.
        CertNameBad = "cert-name-bad",
        /// The node does not answer as a relay.
        NodeDown = "node-down",
        /// The node shows another certificate than the map says.
        PinDiffers = "pin-differs",
        /// The node's certificate is refused.
        CertificateRefused = "certificate-refused",
        /// The node does not answer STUN.
        StunSilent = "stun-silent",
        /// Two nodes of a region do not forward to each other.
        NotMeshed = "not-meshed",
    }
    Warning {
        /// The node does not answer on port 80, though it is said to.
        Port80Silent = "port80-silent",
        /// A key that is in no map.
        UnknownKey = "unknown-key",
        /// Two regions with one code.
        DuplicateRegionCode = "duplicate-region-code",
        /// Two regions with one name.
        DuplicateRegionName = "duplicate-region-name",
        /// A region without a code.
        RegionCodeMissing = "region-code-missing",
        /// A region's code or a node's name that is more than one word, or has characters that nobody sees.
        NotOneWord = "not-one-word",
        /// A region's id is one of Tailscale's own.
        RegionIdReserved = "region-id-reserved",
        /// Two nodes of a region, which must be meshed.
        MustBeMeshed = "must-be-meshed",
        /// Two nodes at one address and port.
        DuplicateAddress = "duplicate-address",
        /// An address that the internet does not reach.
        AddressPrivate = "address-private",
        /// The address of the map is none of the host name's.
        AddressDiffers = "address-differs",
        /// A port written as 0, which clients take for the usual one.
        PortZero = "port-zero",
        /// A port that browsers refuse.
        PortBlocked = "port-blocked",
        /// A field that has no effect.
        WithoutEffect = "without-effect",
        /// Certificates are not verified.
        Insecure = "insecure",
        /// A certificate that only hosts which trust itself accept, as this one does, is not pinned.
        TrustedHere = "trusted-here",
        /// A field that is for tests only.
        TestField = "test-field",
        /// A latitude or longitude off the globe, or a score that is ignored.
        NumberOdd = "number-odd",
        /// A later map replaces the region of an earlier one.
        Replaced = "replaced",
        /// Text behind the first document of a YAML file.
        SecondDocument = "second-document",
        /// It could not be found out whether nodes are meshed, or whether a node relays.
        NotAsked = "not-asked",
    }
    Note {
        /// A field's name in another case, which JSON allows.
        OtherCase = "other-case",
        /// Ids outside those that Tailscale leaves to users.
        RegionIdForeign = "region-id-foreign",
        /// A region without a name.
        RegionNameMissing = "region-name-missing",
        /// A null, by which a map removes a region.
        RegionRemoved = "region-removed",
        /// The address of the host name's other family is asked for in vain.
        OtherFamily = "other-family",
        /// No node of a region answers STUN.
        NoStun = "no-stun",
        /// An address as host name, whose certificate must be for that address.
        BareAddress = "bare-address",
        /// A field that is going away.
        Deprecated = "deprecated",
        /// A part of the map that Headscale drops.
        NotMerged = "not-merged",
        /// A name or an address that only examples have.
        Example = "example",
    }
}
