//! The map that clients get, written as Headscale takes it.

/// One region.
#[derive(Debug, Clone)]
pub(crate) struct Region {
    /// Its number.
    pub(crate) id: u16,
    /// Its short name, which `tailscale status` shows.
    pub(crate) code: &'static str,
    /// Its nodes.
    pub(crate) nodes: Vec<Node>,
}

/// One relay, as clients know it.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Name or address.
    pub(crate) host_name: String,
    /// Name in the certificate or pin of the certificate, if it is not the host name.
    pub(crate) cert_name: Option<String>,
    /// IPv4 address, `none`, or empty for what the name resolves to.
    pub(crate) v4: String,
    /// IPv6 address, likewise.
    pub(crate) v6: String,
    /// STUN port; -1 is none.
    pub(crate) stun: i32,
    /// TLS port.
    pub(crate) derp: u16,
    /// Whether clients do not check the certificate.
    pub(crate) insecure: bool,
    /// Whether clients may look for captive portals at its port 80.
    pub(crate) port_80: bool,
}

/// The regions as YAML.
pub(crate) fn yaml(regions: &[Region]) -> String {
    let mut text = "regions:\n".to_owned();
    for Region { id, code, nodes } in regions {
        text += &format!(
            "  {id}:\n    regionid: {id}\n    regioncode: {code}\n    regionname: {code}\n    nodes:\n"
        );
        for (at, node) in nodes.iter().enumerate() {
            text += &lines(*id, at, node);
        }
    }
    text
}

fn lines(region: u16, at: usize, node: &Node) -> String {
    let mut text = format!("    - name: \"{region}-{at}\"\n      regionid: {region}\n");
    let mut line = |key: &str, value: &str| {
        text.extend(["      ", key, ": ", value, "\n"]);
    };
    line("hostname", &format!("{:?}", node.host_name));
    if let Some(name) = &node.cert_name {
        line("certname", name);
    }
    for (key, addr) in [("ipv4", &node.v4), ("ipv6", &node.v6)] {
        if !addr.is_empty() {
            line(key, &format!("{addr:?}"));
        }
    }
    line("stunport", &node.stun.to_string());
    line("derpport", &node.derp.to_string());
    if node.insecure {
        line("insecurefortests", "true");
    }
    if node.port_80 {
        line("canport80", "true");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_its_line() {
        let node = Node {
            host_name: "r.test".to_owned(),
            cert_name: Some("sha256-raw:00".to_owned()),
            v4: "203.0.113.9".to_owned(),
            v6: String::new(),
            stun: -1,
            derp: 8443,
            insecure: true,
            port_80: true,
        };
        let text = yaml(&[Region { id: 900, code: "one", nodes: vec![node] }]);
        let expected = "regions:\n  900:\n    regionid: 900\n    regioncode: one\n    regionname: one\n    nodes:\n    \
                        - name: \"900-0\"\n      regionid: 900\n      hostname: \"r.test\"\n      certname: sha256-raw:00\n      \
                        ipv4: \"203.0.113.9\"\n      stunport: -1\n      derpport: 8443\n      insecurefortests: true\n      canport80: true\n";
        assert_eq!(text, expected);
    }
}
