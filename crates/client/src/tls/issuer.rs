//! Who issued a certificate for which no trusted authority stands.

use rustls::pki_types::CertificateDer;
use thiserror::Error;
use wherry_wire::derp::meta_cert::COMMON_NAME_PREFIX;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey;

/// Characters that are shown of an issuer's name, which is the relay's word.
const MAX_NAME: usize = 120;

/// What the TLS library takes at least, as browsers do.
const MIN_RSA_BITS: usize = 2048;

/// What is known of the issuer, from the certificates that the relay shows.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Doubt {
    #[error("it is self-signed: no authority that this host trusts has issued it")]
    SelfSigned,
    #[error(
        "no authority that this host trusts has issued it, and the certificate of its issuer, {issuer}, is not shown with it{}",
        .instead.as_ref().map(|other| format!(", but that of {other}")).unwrap_or_default()
    )]
    IssuerMissing { issuer: String, instead: Option<String> },
    #[error("no authority that this host trusts has issued it: it comes from {authority}")]
    UnknownAuthority { authority: String },
    #[error("it comes from {authority}, and this host has no certificates of authorities to trust")]
    NoStore { authority: String },
    #[error(
        "it has not expired itself, but the certificate of an issuer that is shown with it has: {issuer}"
    )]
    IssuerExpired { issuer: String },
    #[error(
        "it comes from {authority}, but has not the signature of the authority that is known by that name"
    )]
    OtherKey { authority: String },
    #[error(
        "the key {} is RSA with {bits} bits, and less than {MIN_RSA_BITS} can be broken",
        .issuer.as_ref().map_or_else(|| "in it".to_owned(), |name| format!("of an issuer that is shown with it, {name},"))
    )]
    WeakKey { issuer: Option<String>, bits: usize },
}

impl Doubt {
    /// Follows the issuers from `leaf` through `others`; none if a certificate cannot be read.
    pub(super) fn of(leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Option<Self> {
        let leaf = parse(leaf)?;
        let mut above = issuers(others);
        if is_self_issued(&leaf) {
            // A pin is for a certificate that is shown alone.
            return Some(match above.is_empty() {
                true => Self::SelfSigned,
                false => Self::UnknownAuthority { authority: shown(leaf.issuer()) },
            });
        }
        let mut top = None;
        while let Some(at) = issuer_of(top.as_ref().unwrap_or(&leaf), &above) {
            top = Some(above.swap_remove(at));
        }
        Some(match top {
            None => Self::IssuerMissing {
                issuer: shown(leaf.issuer()),
                instead: above.first().map(|other| shown(other.subject())),
            },
            Some(top) => Self::UnknownAuthority { authority: shown(top.issuer()) },
        })
    }

    /// The same where the host knows nobody, so that an authority says little by being unknown.
    pub(super) fn without_store(self) -> Self {
        match self {
            Self::UnknownAuthority { authority } => Self::NoStore { authority },
            other => other,
        }
    }

    /// Where one of a chain has expired, and the first has not; `now` in seconds since 1970.
    pub(super) fn of_expired(
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: i64,
    ) -> Option<Self> {
        let has_expired = |one: &X509Certificate<'_>| one.validity().not_after.timestamp() < now;
        let leaf = parse(leaf).filter(|leaf| !has_expired(leaf))?;
        let mut above = issuers(others);
        let mut last = leaf;
        while let Some(at) = issuer_of(&last, &above) {
            last = above.swap_remove(at);
            if has_expired(&last) {
                return Some(Self::IssuerExpired { issuer: shown(last.subject()) });
            }
        }
        None
    }

    /// Where a signature of a chain is not that of the authority with the name.
    pub(super) fn of_signature(leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Option<Self> {
        match Self::of(leaf, others)? {
            Self::IssuerMissing { issuer: authority, .. } | Self::UnknownAuthority { authority } => {
                Some(Self::OtherKey { authority })
            }
            _ => None,
        }
    }

    /// Where the key of `leaf` is so short that no signature by it counts.
    pub(super) fn of_weak_key(leaf: &CertificateDer<'_>) -> Option<Self> {
        Some(Self::WeakKey { issuer: None, bits: weak_bits(&parse(leaf)?)? })
    }

    /// The same for the key of an issuer.
    pub(super) fn of_weak_issuer(others: &[CertificateDer<'_>]) -> Option<Self> {
        issuers(others)
            .iter()
            .find_map(|one| Some(Self::WeakKey { bits: weak_bits(one)?, issuer: Some(shown(one.subject())) }))
    }
}

/// The length of a key, if it is too short.
fn weak_bits(certificate: &X509Certificate<'_>) -> Option<usize> {
    match certificate.public_key().parsed().ok()? {
        PublicKey::RSA(key) => Some(key.key_size()).filter(|bits| *bits < MIN_RSA_BITS),
        _ => None,
    }
}

/// The name of the issuer of a certificate; none if it issued itself, or cannot be read.
pub(super) fn other_issuer(certificate: &CertificateDer<'_>) -> Option<String> {
    parse(certificate).filter(|parsed| !is_self_issued(parsed)).map(|parsed| shown(parsed.issuer()))
}

/// Whether a certificate carries the relay's key for DERP, beside the one that proves who it is; none if it cannot be read.
pub(super) fn is_meta(certificate: &CertificateDer<'_>) -> Option<bool> {
    let parsed = parse(certificate)?;
    let mut names = parsed.subject().iter_common_name();
    Some(names.any(|name| name.as_str().is_ok_and(|name| name.starts_with(COMMON_NAME_PREFIX))))
}

/// None if it cannot be read.
pub(super) fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    X509Certificate::from_der(certificate).ok().map(|(_, parsed)| parsed)
}

/// Those among certificates that prove who somebody is.
fn issuers<'a>(shown: &'a [CertificateDer<'_>]) -> Vec<X509Certificate<'a>> {
    let is_other = |other: &&CertificateDer<'_>| is_meta(other) == Some(false);
    shown.iter().filter(is_other).filter_map(|other| parse(other)).collect()
}

fn is_self_issued(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}

/// Where the issuer stands, if there is another one.
fn issuer_of(certificate: &X509Certificate<'_>, among: &[X509Certificate<'_>]) -> Option<usize> {
    let is_issuer = |one: &X509Certificate<'_>| one.subject().as_raw() == certificate.issuer().as_raw();
    among.iter().position(is_issuer).filter(|_| !is_self_issued(certificate))
}

fn shown(name: &X509Name<'_>) -> String {
    let text: String = name.to_string().chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    if text.is_empty() { "which has no name".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    /// An authority named `name`, issued by another or by itself.
    fn authority(
        name: &str,
        by: Option<&Issuer<'_, KeyPair>>,
    ) -> (CertificateDer<'static>, Issuer<'static, KeyPair>) {
        let (params, key) = (named(name, true), KeyPair::generate().unwrap());
        let certificate = match by {
            Some(by) => params.signed_by(&key, by),
            None => params.self_signed(&key),
        };
        (certificate.unwrap().der().clone(), Issuer::new(params, key))
    }

    fn named(name: &str, is_authority: bool) -> CertificateParams {
        let mut params = CertificateParams::new(["relay.example".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        if is_authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params
    }

    fn leaf(by: &Issuer<'_, KeyPair>) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        named("relay", false).signed_by(&key, by).unwrap().der().clone()
    }

    #[test]
    fn a_missing_issuer_an_unknown_authority_and_a_self_signed_certificate_are_told_apart() {
        let (root, of_root) = authority("Root", None);
        let (between, of_between) = authority("Between", Some(&of_root));
        let issued = leaf(&of_between);
        let missing = |instead: Option<&str>| {
            let instead = instead.map(str::to_owned);
            Some(Doubt::IssuerMissing { issuer: "CN=Between".to_owned(), instead })
        };
        let unknown = |name: &str| Some(Doubt::UnknownAuthority { authority: format!("CN={name}") });
        assert_eq!(Doubt::of(&root, &[]), Some(Doubt::SelfSigned));
        assert_eq!(Doubt::of(&issued, &[]), missing(None));
        assert_eq!(Doubt::of(&issued, std::slice::from_ref(&root)), missing(Some("CN=Root")));
        assert_eq!(Doubt::of(&issued, std::slice::from_ref(&between)), unknown("Root"));
        assert_eq!(Doubt::of(&issued, &[root.clone(), between.clone()]), unknown("Root"));
        assert_eq!(Doubt::of(&root, &[between]), unknown("Root"));
        assert_eq!(Doubt::of(&CertificateDer::from(vec![0x30]), &[]), None);
        assert_eq!((other_issuer(&issued), other_issuer(&root)), (Some("CN=Between".to_owned()), None));
    }

    /// A certificate that a library's word for the whole chain does not single out.
    #[test]
    fn an_issuer_that_expired_is_named_where_its_leaf_did_not() {
        let (root, of_root) = authority("Root", None);
        let (between, of_between) = authority("Between", Some(&of_root));
        let issued = leaf(&of_between);
        // Both are made to last until the year 4096.
        let (now, late) = (0, i64::MAX);
        let chain = [between, root];
        assert_eq!(Doubt::of_expired(&issued, &chain, now), None);
        assert_eq!(Doubt::of_expired(&issued, &chain, late), None, "the leaf itself has expired");
        let mut params = named("Old", true);
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        let key = KeyPair::generate().unwrap();
        let old = params.signed_by(&key, &of_root).unwrap().der().clone();
        let issued = leaf(&Issuer::new(params, key));
        let expected = Some(Doubt::IssuerExpired { issuer: "CN=Old".to_owned() });
        assert_eq!(Doubt::of_expired(&issued, &[old], 1_000_000_000), expected);
    }

    #[test]
    fn an_authority_that_is_unknown_for_want_of_any_or_known_by_another_key_is_told_so() {
        let (root, of_root) = authority("Root", None);
        let (issued, authority) = (leaf(&of_root), "CN=Root".to_owned());
        let other_key = Some(Doubt::OtherKey { authority: authority.clone() });
        assert_eq!(Doubt::of_signature(&issued, &[]), other_key);
        let unknown = Doubt::of(&issued, &[root]).unwrap();
        assert_eq!(unknown.without_store(), Doubt::NoStore { authority });
    }
}
