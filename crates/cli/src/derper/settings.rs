//! From `derper`'s flags to settings.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use wherry_server::config::{
    CertSetting, Environment, Flag, Home, Host, ListenAddr, NodeKeySource, Settings, Sources, cure, key, load,
};
use wherry_wire::key::MeshKey;

use super::flags::{FlagProblem, FlagProblems, Flags};
use crate::failure::Failure;

/// Settings that do what `derper` does with these flags. What it has no flag for comes from the environment of
/// `wherry serve`, so a container can be told more without another command line.
pub(super) fn settings(flags: &Flags, env: &Environment) -> Result<Settings, Failure> {
    let mut problems = Vec::new();
    let checked = check(flags, env, &mut problems);
    let Some(checked) = checked.filter(|_| problems.is_empty()) else {
        return Err(FlagProblems { all: problems }.into());
    };
    let base = base(flags, env)?;
    let Checked { listen, host, cert, node_key, mesh_key } = checked;
    let at = |port: i64| u16::try_from(port).ok().map(|port| SocketAddr::new(listen.addr.ip(), port));
    let mut limits = base.limits;
    limits.write_timeout = Some(flags.tcp_write_timeout).filter(|time| !time.is_zero());
    limits.tcp_user_timeout = Some(flags.tcp_user_timeout).filter(|time| !time.is_zero());
    limits.tcp_keepalive = flags.tcp_keepalive_time;
    Ok(Settings {
        hostnames: vec![host],
        listen: vec![listen],
        http: at(flags.http_port).filter(|_| listen.tls).into_iter().collect(),
        stun: at(flags.stun_port).filter(|_| flags.stun).into_iter().collect(),
        state_dir: match &cert {
            Some(CertSetting::DerperManual { dir }) => dir.clone(),
            _ => PathBuf::from("."),
        },
        cert,
        node_key,
        mesh_key,
        home: match flags.home.as_str() {
            "" => Home::Default,
            "blank" => Home::Blank,
            url => Home::Redirect(url.to_owned()),
        },
        derp: flags.derp,
        limits,
        ..base
    })
}

/// What flags came to that need a closer look.
struct Checked {
    listen: ListenAddr,
    host: Host,
    cert: Option<CertSetting>,
    node_key: NodeKeySource,
    mesh_key: Option<MeshKey>,
}

fn check(flags: &Flags, env: &Environment, problems: &mut Vec<FlagProblem>) -> Option<Checked> {
    let mut note = |name, given: &str, takes, why| {
        let given = given.to_owned();
        problems.push(FlagProblem::BadValue { name, given, why: Some(why), takes });
    };
    let addr = if flags.dev { ":3340" } else { flags.addr.as_str() };
    let listen = ListenAddr::parse(addr).map_err(|why| note("a", addr, "[IP]:PORT", why)).ok();
    let host = Host::parse(&flags.hostname)
        .map_err(|why| note("hostname", &flags.hostname, "a name or an IP address", why))
        .ok();
    let tls = listen.is_some_and(|listen| listen.addr.port() == 443) || flags.certmode == "manual";
    let cert = if tls { cert(flags, env).map(Some) } else { Ok(None) };
    let node_key = node_key(flags, env);
    let mesh_key = mesh_key(flags, env);
    let cert = cert.map_err(|problem| problems.push(problem)).ok();
    let node_key = node_key.map_err(|problem| problems.push(problem)).ok();
    let mesh_key = mesh_key.map_err(|problem| problems.push(problem)).ok();
    let listen = ListenAddr { tls, ..listen? };
    Some(Checked { listen, host: host?, cert: cert?, node_key: node_key?, mesh_key: mesh_key? })
}

fn cert(flags: &Flags, env: &Environment) -> Result<CertSetting, FlagProblem> {
    if flags.certmode != "manual" {
        let instead = match flags.certmode.as_str() {
            "gcp" => {
                "certificates of Google's cloud are not fetched; give -certmode manual with -certdir, where <hostname>.crt and <hostname>.key are; for an IP address they are made"
            }
            _ => {
                "letsencrypt is the default, so give -certmode manual with -certdir, where <hostname>.crt and <hostname>.key are; for an IP address they are made"
            }
        };
        return Err(FlagProblem::Later { name: "certmode", instead });
    }
    let dir = match flags.certdir.as_str() {
        "" => {
            cache_dir(env).map(|cache| cache.join("tailscale/derper-certs")).ok_or(FlagProblem::NoCertDir)?
        }
        dir => PathBuf::from(dir),
    };
    Ok(CertSetting::DerperManual { dir })
}

/// Go's `os.UserCacheDir`.
fn cache_dir(env: &Environment) -> Option<PathBuf> {
    let home = || env.var("HOME").map(|home| Path::new(home).join(".cache"));
    env.var("XDG_CACHE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute()).or_else(home)
}

fn node_key(flags: &Flags, env: &Environment) -> Result<NodeKeySource, FlagProblem> {
    match flags.config.as_str() {
        _ if flags.dev => Ok(NodeKeySource::Ephemeral),
        "" if env.is_root() => Ok(NodeKeySource::File("/var/lib/derper/derper.key".into())),
        "" => Err(FlagProblem::NoKeyFile),
        path => Ok(NodeKeySource::File(path.into())),
    }
}

/// In development from the environment, else from the file, whose default is the first that exists of two.
fn mesh_key(flags: &Flags, env: &Environment) -> Result<Option<MeshKey>, FlagProblem> {
    const VARIABLE: &str = "TAILSCALE_DERPER_MESH_KEY";
    let parse = |text: &str, place: &str| {
        MeshKey::parse(text).map_err(|_| FlagProblem::MeshKey { place: place.to_owned() })
    };
    if flags.dev {
        return env.var(VARIABLE).map_or(Ok(None), |text| parse(text, VARIABLE));
    }
    let home = env.var("HOME").map(|home| format!("{home}/keys/derp-mesh.key"));
    let defaults = ["/home/derp/keys/derp-mesh.key".to_owned()].into_iter().chain(home);
    let path = match flags.mesh_psk_file.as_str() {
        "" => defaults.into_iter().find(|path| Path::new(path).exists()),
        path => Some(path.to_owned()),
    };
    let Some(path) = path else { return Ok(None) };
    let text = std::fs::read_to_string(&path).map_err(|err| FlagProblem::Unreadable {
        name: "mesh-psk-file",
        path: path.clone(),
        why: format!("{err}{}", cure(&err)),
    })?;
    parse(&text, &path)
}

/// What the environment says, over the defaults; what flags say is filled in later.
fn base(flags: &Flags, env: &Environment) -> Result<Settings, Failure> {
    let flag = |name: &str, value: &str| Some(Flag { key: key(name)?, values: vec![value.to_owned()] });
    let unless_set =
        |name: &str, value| env.var(&key(name)?.env()).is_none().then(|| flag(name, value)).flatten();
    let given = [
        flag("listen", "plain:127.0.0.1:0"),
        flag("stun", "off"),
        flag("state", "."),
        flag("key_file", "ephemeral"),
        flag("hostname", "derper.invalid"),
        flag("derp", if flags.derp { "true" } else { "false" }),
        unless_set("admit", "open"),
        // Two relays on one host must not stumble over a listener they did not ask for.
        unless_set("admin", "off"),
        // The page of the reference stands there, and its flags say nothing of a map.
        unless_set("map.serve", "false"),
    ];
    let sources =
        Sources { flags: given.into_iter().flatten().collect(), env: env.clone(), ..Sources::default() };
    Ok(load(&sources)?.settings)
}
