//! The binary under the name of the reference relay.

use std::os::unix::fs::symlink;

use super::{Relay, address::own_address, home, program, run, wherry};

#[test]
fn a_link_named_derper_takes_its_flags_and_warns_that_all_are_admitted() {
    let home = home();
    let link = home.path().join("derper");
    symlink(env!("CARGO_BIN_EXE_wherry"), &link).unwrap();
    let (relay, log) =
        Relay::start(program(&home, &link, "-c k -a=127.0.0.1:0 --stun=false -certmode letsencrypt"));
    let warnings: Vec<_> = log.iter().filter(|line| line.contains("WARN")).collect();
    assert!(warnings.len() == 2 && warnings[0].contains("WHERRY_ADMIT=list:FILE"), "{log:#?}");
    assert!(warnings[1].contains("-certmode letsencrypt"), "what is not heeded is said: {log:#?}");
    assert!(log.iter().any(|line| line.contains("plain=[127.0.0.1:")), "{log:#?}");
    assert_eq!(relay.stop().0, Some(0));
    assert!(home.path().join("k").is_file());
}

#[test]
fn derper_names_remedies_by_its_own_flags() {
    let (home, ip) = (home(), own_address());
    let tcp = std::net::TcpListener::bind((ip, 0)).unwrap();
    let port = tcp.local_addr().unwrap().port();
    for (flags, remedy) in [
        (format!("-a {ip}:{port} -c k -certdir ."), format!("or choose another: -a {ip}:84")),
        (
            format!("-a {ip}:8443 -c k -certdir . -http-port {port}"),
            "or do without: -http-port -1".to_owned(),
        ),
        (format!("-a {ip}:8443 -certdir . -c /proc/none/k"), "or choose another place with -c".to_owned()),
        (format!("-a {ip}:8443 -c k -certdir /proc/none"), "; -certdir chooses another".to_owned()),
    ] {
        let line = format!("derper -hostname {ip} -certmode manual -stun=false {flags}");
        let line = if flags.contains("-http-port") { line } else { format!("{line} -http-port -1") };
        let finished = run(&mut wherry(&home, &line));
        let told = finished.stderr.last().unwrap();
        assert!(told.contains(&remedy), "{told}");
    }
}
