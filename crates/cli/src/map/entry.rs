//! `wherry map entry`.

use std::error::Error;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use wherry_client::{DialError, Dialer, Endpoint, TargetError, Trust, without_secrets};
use wherry_server::clock::Clock;
use wherry_server::config::{self, Effective, Environment, Row, Settings};
use wherry_server::run;
use wherry_server::tls::{self, TlsError};
use wherry_tools::map::{self, AskError, Finding, Origin, OwnMap, Severity, Shown, Source, StunAt, learn};
use wherry_tools::remedy::{self, Situation, Tool};
use wherry_wire::derp_map::{DerpMap, Entry};

use super::args::EntryArgs;
use super::form::Form;
use super::out::put;
use crate::failure::Failure;
use crate::finding::line;
use crate::settings::SettingArgs;
use crate::subject::{StunPort, leads_to_derp};
use crate::{output, runtime};

/// Why there is no entry.
#[derive(Debug, thiserror::Error)]
enum NoEntry {
    #[error("give a running relay, or settings, not both: the entry of {relay} is what it shows itself")]
    Both { relay: String },
    #[error("{0}")]
    Errors(String),
    #[error("{relay}: {cause}; allowed: a host, host:port, or https://host:port")]
    Relay { relay: String, cause: TargetError },
    #[error(
        "{relay}: it is plain HTTP, but clients speak TLS alone; name the port that speaks TLS: https://host:port"
    )]
    Plain { relay: String },
    #[error(
        "{relay} is a file, and a running relay is asked for its entry: give its host, host:port, or https://host:port; if that is \
         its host, write https:// before it; a file with a map is for wherry map check, merge and convert"
    )]
    File { relay: String },
    #[error(
        "{relay}: clients find a relay under /derp alone; give its host, host:port, or https://host:port; for the map that it \
         serves there are wherry map check and merge"
    )]
    Path { relay: String },
    #[error("{}{cause}; {remedy}", heading(relay, cause))]
    Ask { relay: String, cause: Box<AskError>, remedy: String },
    #[error(
        "hostname is not set, so nobody knows what to dial; set it to the relay's name or address (--hostname)"
    )]
    NoHost,
    #[error(
        "no listener speaks TLS, and clients speak nothing else; if a proxy does, set map.port to its port, or ask it: wherry map entry HOST:PORT"
    )]
    NoTls,
    #[error(
        "derp is false, so no map is to name this relay: clients would make it their home; set derp to true"
    )]
    NoDerp,
    #[error(
        "{key} is on port 0, so the port is known only while the relay runs: ask it: wherry map entry HOST:PORT; or set {instead}"
    )]
    FreePort { key: &'static str, instead: &'static str },
    #[error("{0}; if the certificate is yet to be made, start the relay once, as the user that it runs as")]
    Certificate(#[from] TlsError),
}

/// For each step of asking.
const PATIENCE: Duration = Duration::from_secs(5);

/// Prints an entry.
///
/// # Errors
/// [`Failure::Usage`], [`Failure::Config`], and [`Failure::Other`] if the relay cannot be asked. An entry that has errors by the
/// rules of `wherry map check` is of the class of what has them: the flags, the settings, or the relay.
pub(super) fn run(args: EntryArgs, env: &Environment) -> Result<(), Failure> {
    let ((base, is_asked), class): (_, Class) = match &args.relay {
        Some(relay) if args.settings.are_given() => {
            return Err(Failure::Usage(NoEntry::Both { relay: without_secrets(relay) }.into()));
        }
        Some(relay) => ((of_relay(relay, args.stun_port)?, true), Failure::Other),
        None => (of_settings(args.settings, env)?, Failure::Config),
    };
    let of_base = errors(&base.map())?;
    let entry = Entry {
        region_id: args.region_id.unwrap_or(base.region_id),
        region_code: args.code.unwrap_or(base.region_code),
        region_name: args.name.unwrap_or(base.region_name),
        node_name: args.node_name.or(base.node_name),
        ipv4: args.ipv4.or(base.ipv4),
        ipv6: args.ipv6.or(base.ipv6),
        ..base
    };
    let map = entry.map();
    judge(&errors(&map)?, &of_base, class, is_asked)?;
    let text = args.format.write(&map).map_err(|err| Failure::Other(err.into()))?;
    put(&text, &args.out)
}

/// What a failure is.
type Class = fn(Box<dyn Error>) -> Failure;

/// What is wrong with an entry by the rules of `wherry map check`.
fn errors(entry: &DerpMap) -> Result<Vec<Finding>, Failure> {
    let text = Form::Yaml.write(entry).map_err(|err| Failure::Other(err.into()))?;
    let source = Source { name: "the entry".to_owned(), origin: Origin::File, text };
    let mut findings = map::check(&source, None).findings;
    findings.retain(|finding| finding.severity == Severity::Error);
    // Nobody sees the lines of what is not printed.
    findings.iter_mut().for_each(|finding| finding.place.at = None);
    Ok(findings)
}

/// Refuses an entry that has errors. `of_base` has it before the flags changed it: a failure of this class, unless the flags
/// are wrong, or the relay's name, which is the caller's where `is_asked`.
fn judge(errors: &[Finding], of_base: &[Finding], class: Class, is_asked: bool) -> Result<(), Failure> {
    let what = |finding: &Finding| (finding.rule, finding.place.field.clone());
    let is_asked = |finding: &Finding| is_asked && finding.place.field.as_deref() == Some("hostname");
    let is_of_base = |finding: &Finding| of_base.iter().any(|base| what(base) == what(finding));
    let class = match errors.iter().all(|finding| is_of_base(finding) && !is_asked(finding)) {
        true => class,
        false => Failure::Usage,
    };
    let lines: Vec<_> = errors.iter().map(line).collect();
    if lines.is_empty() { Ok(()) } else { Err(class(NoEntry::Errors(lines.join("\n")).into())) }
}

/// The entry of the relay that the settings describe, and whether a flag gave its name.
fn of_settings(settings: SettingArgs, env: &Environment) -> Result<(Entry, bool), Failure> {
    let Effective { settings, survey, .. } = settings.sources(env).load()?;
    let entry = of_checked(&settings).map_err(|err| Failure::Config(err.into()))?;
    let is_flag = |row: &Row| row.key == "hostname" && matches!(row.origin, config::Origin::Flag { .. });
    Ok((entry, survey.rows.iter().any(is_flag)))
}

fn of_checked(settings: &Settings) -> Result<Entry, NoEntry> {
    if !settings.derp {
        return Err(NoEntry::NoDerp);
    }
    let host = settings.hostnames.first().ok_or(NoEntry::NoHost)?;
    let (map, listen) = (&settings.map, settings.listen.iter().find(|listen| listen.tls));
    let tls = listen.map(|listen| listen.addr.port());
    let stun = settings.stun.first().map(SocketAddr::port);
    let ports = [("listen", tls, "map.port", map.port), ("stun", stun, "map.stun_port", map.stun_port)];
    for (key, port, instead, public) in ports {
        if port == Some(0) && public.is_none() {
            return Err(NoEntry::FreePort { key, instead });
        }
    }
    let pin = match &settings.cert {
        Some(cert) => tls::pin(cert, &settings.hostnames, Clock::start())?,
        None => None,
    };
    run::entry(settings, host, tls, stun, pin).ok_or(NoEntry::NoTls)
}

/// The entry of a relay that runs.
fn of_relay(relay: &str, stun: Option<StunPort>) -> Result<Entry, Failure> {
    let endpoint = endpoint(relay).map_err(|why| Failure::Usage(why.into()))?;
    let stun_at = match stun {
        None => StunAt::Known,
        Some(StunPort::At(port)) => StunAt::Port(port),
        Some(StunPort::Off) => StunAt::Nowhere,
    };
    let trust = Trust::system([]).map_err(|err| Failure::Other(err.into()))?;
    let dialer = Dialer::new(trust).with_budget(PATIENCE);
    let shown = runtime::run(learn(&dialer, &endpoint, stun_at))?.map_err(|cause| {
        let remedy = remedy(&cause, &endpoint);
        Failure::Other(NoEntry::Ask { relay: relay.to_owned(), cause: cause.into(), remedy }.into())
    })?;
    if !shown.admits_strangers {
        output::complain("its admission is closed to strangers, as that of most relays should be");
    }
    if !shown.cert_name.is_empty() {
        output::complain(
            "no authority stands for its certificate, so it is pinned: compare the pin with what the relay prints",
        );
    }
    let seen = Entry {
        stun_port: stun_port(&shown),
        cert_name: shown.cert_name,
        can_port_80: shown.can_port_80,
        ..Entry::at(endpoint.host(), endpoint.port())
    };
    match shown.own_map {
        OwnMap::Missing => Ok(seen),
        OwnMap::WithoutIt => {
            output::complain(
                "it is not in the map that it serves, so region and names are the usual ones: --region-id, --code, --name",
            );
            Ok(seen)
        }
        OwnMap::With(standing) => Ok(standing.entry(seen)),
    }
}

/// The port of STUN for the entry. One that is silent is to be opened, not to be left out, if anybody names it.
fn stun_port(shown: &Shown) -> Option<u16> {
    let Some(port) = shown.stun_port.filter(|_| !shown.has_stun) else { return shown.stun_port };
    let then = match shown.stun_is_guess {
        true => "so the entry says that there is none: open the port, or say another with --stun-port",
        false => {
            "which the entry names all the same: open the port in the host's firewall and in the provider's, or clients behind \
             NAT find no direct way; if there is to be none, say --stun-port off"
        }
    };
    output::complain(&format!("no answer to STUN on {port}/udp, {then}"));
    (!shown.stun_is_guess).then_some(port)
}

fn endpoint(relay: &str) -> Result<Endpoint, NoEntry> {
    let named = || without_secrets(relay);
    if Path::new(relay).is_file() {
        return Err(NoEntry::File { relay: named() });
    }
    if !leads_to_derp(relay) {
        return Err(NoEntry::Path { relay: named() });
    }
    let url = match relay.parse::<Ipv6Addr>() {
        _ if relay.contains("://") => relay.to_owned(),
        // An IPv6 address without brackets and port.
        Ok(ip) => format!("https://[{ip}]"),
        Err(_) => format!("https://{relay}"),
    };
    let endpoint: Endpoint = url.parse().map_err(|cause| NoEntry::Relay { relay: named(), cause })?;
    if endpoint.is_tls() { Ok(endpoint) } else { Err(NoEntry::Plain { relay: named() }) }
}

/// Who was asked, unless what went wrong begins with that.
fn heading(relay: &str, cause: &AskError) -> String {
    if cause.to_string().starts_with(relay) { String::new() } else { format!("{relay}: ") }
}

fn remedy(cause: &AskError, endpoint: &Endpoint) -> String {
    let dial = |err: &DialError| remedy::dial(err, &Situation { endpoint, tool: Tool::Map, seen_pin: None });
    match cause {
        AskError::Dial(err) | AskError::NoRelay { behind: err, .. } => dial(err),
        AskError::Certificate { refused, .. } => dial(refused),
        _ => remedy::LOG.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exit code for an entry, before and after flags changed it.
    fn code(base: &Entry, entry: &Entry, class: Class, is_asked: bool) -> Option<u8> {
        let [of_base, errors] = [base, entry].map(|entry| errors(&entry.map()).unwrap());
        judge(&errors, &of_base, class, is_asked).err().map(|failure| failure.code())
    }

    #[test]
    fn an_entry_with_errors_is_of_the_class_of_what_has_them() {
        let good = Entry::at("192.0.2.7", 443);
        let bad = Entry { ipv4: Some("0.0.0.0".to_owned()), ..good.clone() };
        assert_eq!(code(&good, &good, Failure::Other, true), None);
        assert_eq!(code(&good, &bad, Failure::Other, true), Some(64), "by a flag");
        assert_eq!(code(&bad, &good, Failure::Other, true), None, "cured by a flag");
        assert_eq!(code(&bad, &bad, Failure::Other, true), Some(1), "by the relay");
        assert_eq!(code(&bad, &bad, Failure::Config, false), Some(78), "by the settings");
        let worse = Entry { ipv6: Some("::".to_owned()), ..bad.clone() };
        assert_eq!(code(&bad, &worse, Failure::Other, true), Some(64), "by both");
        let asked = Entry::at("0.0.0.0", 443);
        assert_eq!(code(&asked, &asked, Failure::Other, true), Some(64), "by the name that was asked");
        assert_eq!(code(&asked, &asked, Failure::Config, true), Some(64), "by the name in a flag");
        assert_eq!(code(&asked, &asked, Failure::Config, false), Some(78), "by the name in the settings");
    }
}
