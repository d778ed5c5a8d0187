//! A certificate authority of the lab's own.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// What an authority hands out, all in PEM.
#[derive(Debug)]
pub(super) struct Issued {
    /// The certificate for the name.
    pub(super) certificate: String,
    /// Its key.
    pub(super) key: String,
    /// The certificate of the authority.
    pub(super) root: String,
}

/// A new authority's certificate for a name.
///
/// # Errors
/// The library refuses.
pub(super) fn issue(name: &str) -> Result<Issued, String> {
    let told = |err: rcgen::Error| format!("certificate: {err}");
    let root_key = KeyPair::generate().map_err(told)?;
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Two names: a certificate whose issuer has its own name counts as one that issued itself.
    root.distinguished_name.push(DnType::CommonName, "The lab's authority");
    let root_pem = root.self_signed(&root_key).map_err(told)?.pem();
    let key = KeyPair::generate().map_err(told)?;
    let mut leaf = CertificateParams::new(vec![name.to_owned()]).map_err(told)?;
    leaf.distinguished_name.push(DnType::CommonName, name);
    let leaf = leaf.signed_by(&key, &Issuer::from_params(&root, &root_key)).map_err(told)?;
    Ok(Issued { certificate: leaf.pem(), key: key.serialize_pem(), root: root_pem })
}
