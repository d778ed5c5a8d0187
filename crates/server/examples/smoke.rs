#![allow(warnings)]
use std::path::PathBuf;
use std::time::Duration;
use wherry_server::{config::*, run::Running};
fn main() {
    let mut a = std::env::args().skip(1);
    let mut f = std::collections::HashMap::new();
    let a: Vec<String> = a.collect();
    let mut i = 0;
    while i < a.len() {
        let k = a[i].trim_start_matches('-').to_string();
        if let Some((k, v)) = k.split_once('=') {
            f.insert(k.to_string(), v.to_string());
        } else if i + 1 < a.len()
            && !a[i + 1].starts_with("--")
            && !(a[i + 1].starts_with('-') && a[i + 1].parse::<i32>().is_err())
        {
            f.insert(k, a[i + 1].clone());
            i += 1;
        } else {
            f.insert(k, "true".into());
        }
        i += 1;
    }
    eprintln!("{f:?}");
    let addr = |s: &str| -> std::net::SocketAddr {
        if let Some(p) = s.strip_prefix(':') {
            format!("[::]:{p}").parse().unwrap()
        } else {
            s.parse().unwrap()
        }
    };
    let tls = f.get("certmode").map(|x| x == "manual").unwrap_or(false);
    let dev = f.get("dev").is_some();
    let listen = addr(if dev { ":3340" } else { f.get("a").map(|x| x.as_str()).unwrap_or(":443") });
    let http = f.get("http-port").map(|x| x.as_str()).unwrap_or("80").parse::<i32>().unwrap();
    let host = f.get("hostname").cloned().unwrap_or("derp.tailscale.com".into());
    let settings = Settings {
        hostnames: vec![Host::parse(&host).unwrap()],
        listen: vec![ListenAddr { addr: listen, tls }],
        http: if tls && http > 0 {
            vec![std::net::SocketAddr::new(listen.ip(), http as u16)]
        } else {
            vec![]
        },
        stun: vec![],
        state_dir: "/tmp".into(),
        cert: if tls { Some(CertSetting::DerperManual { dir: f["certdir"].clone().into() }) } else { None },
        admit: Admit::Open,
        admin: None,
        mesh_key: f
            .get("mesh-psk-file")
            .and_then(|p| wherry_wire::key::MeshKey::parse(&std::fs::read_to_string(p).unwrap()).unwrap()),
        node_key: f.get("c").map(|p| NodeKeySource::File(p.into())).unwrap_or(NodeKeySource::Ephemeral),
        home: match f.get("home").map(|x| x.as_str()) {
            None | Some("") => Home::Default,
            Some("blank") => Home::Blank,
            Some(u) => Home::Redirect(u.into()),
        },
        derp: f.get("derp").map(|x| x != "false").unwrap_or(true),
        workers: std::env::var("WORKERS").ok().and_then(|w| w.parse().ok()),
        limits: Limits {
            handshake: Duration::from_secs(10),
            http: Duration::from_secs(30),
            write_timeout: Some(Duration::from_secs(2)),
            keepalive: Duration::from_secs(60),
            tcp_user_timeout: Some(Duration::from_secs(15)),
            tcp_keepalive: Duration::from_secs(600),
            mailbox: Default::default(),
        },
        log: LogSettings { filter: "info".into(), format: LogFormat::Text },
    };
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let r = match Running::start(&settings) {
            Ok(r) => r,
            Err(e) => {
                eprintln!("{e}");
                std::process::exit(1)
            }
        };
        eprintln!("{:?} {:?}", r.addresses(), r.pin());
        let mut t = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
        t.recv().await;
        r.drain().await;
    });
}
