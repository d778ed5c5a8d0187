//! A relay that runs, from its start to its stop.

use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpStream},
    os::unix::{fs::PermissionsExt, net::UnixDatagram, process::CommandExt},
    process::{Command, Stdio},
    time::Duration,
};

use super::{Relay, address::own_address, admin_of, ask, ending::end_of, home, program, run, wherry};

#[test]
fn dev_needs_nothing_and_what_it_prints_is_a_map_for_every_tool() {
    let home = home();
    let (relay, log) = Relay::start(wherry(&home, "serve --dev --listen 127.0.0.1:0 --stun off --admin off"));
    assert!(log.iter().any(|line| line.contains("tls=[127.0.0.1:")), "{log:#?}");
    let (code, stdout) = relay.stop();
    assert_eq!(code, Some(0));
    std::fs::write(home.path().join("derp.yaml"), &stdout).unwrap();
    let converted = run(&mut wherry(&home, "map convert derp.yaml --to json"));
    assert_eq!((converted.code, converted.stderr), (Some(0), Vec::new()), "{stdout}");
    let map: serde_json::Value = serde_json::from_str(&converted.stdout).unwrap();
    let node = &map["Regions"]["900"]["Nodes"][0];
    let pin = node["CertName"].as_str().unwrap();
    assert!(
        pin.starts_with("sha256-raw:") && stdout.starts_with(&format!("# Certificate pin: {pin}\n")),
        "{stdout}"
    );
    assert_eq!((node["IPv4"].as_str(), node["IPv6"].as_str()), (Some("127.0.0.1"), Some("none")));
    assert!(log.iter().any(|line| line.contains(&format!("127.0.0.1:{}", node["DERPPort"]))));
    for tool in ["map check --offline derp.yaml", "map merge derp.yaml"] {
        let finished = run(&mut wherry(&home, tool));
        assert_eq!(finished.code, Some(0), "{tool}: {}{:?}", finished.stdout, finished.stderr);
    }
    for tool in ["ping derp.yaml", "doctor derp.yaml"] {
        let finished = run(&mut wherry(&home, tool));
        let said = finished.stdout + &finished.stderr.join("\n");
        assert!(said.contains("nothing listens on"), "{tool} dials the relay, which is gone: {said}");
    }
}

#[test]
fn a_relay_without_a_map_says_what_is_missing_and_prints_nothing() {
    let home = home();
    for (flags, reason) in [
        ("--hostname x.example --self-signed --derp=false", "derp is false"),
        ("--listen plain:127.0.0.1:0", "hostname is not set"),
        ("--listen plain:127.0.0.1:0 --hostname x.example", "no listener speaks TLS"),
    ] {
        let listen = if flags.contains("--listen") { "" } else { "--listen 127.0.0.1:0" };
        let line = format!("serve {flags} {listen} --http off --stun off --admin off");
        let (relay, log) = Relay::start(wherry(&home, &line));
        let is_said = |line: &String| line.contains("no map to print or to serve") && line.contains(reason);
        assert!(log.iter().any(is_said), "{flags}: {log:#?}");
        assert_eq!(relay.stop(), (Some(0), String::new()), "{flags}");
    }
}

#[test]
fn a_relay_that_gets_no_thread_says_so() {
    const NOBODY: u32 = 65534;
    let home = home();
    let mut command = program(&home, "prlimit".as_ref(), "--nproc=1:1");
    let binary = if nix::unistd::geteuid().is_root() {
        // Root is given threads beyond any limit, and somebody else may find neither the binary nor the folder.
        command.uid(NOBODY).gid(NOBODY);
        let binary = home.path().join("wherry");
        std::fs::copy(env!("CARGO_BIN_EXE_wherry"), &binary).unwrap();
        std::fs::set_permissions(home.path(), PermissionsExt::from_mode(0o777)).unwrap();
        binary
    } else {
        env!("CARGO_BIN_EXE_wherry").into()
    };
    command.arg(binary).args([
        "serve",
        "--dev",
        "--listen",
        "127.0.0.1:0",
        "--stun",
        "off",
        "--admin",
        "off",
    ]);
    let finished = run(&mut command);
    let said = "wherry: cannot start a thread or its timer: Resource temporarily unavailable (os error 11)";
    let last = finished.stderr.last().map(String::as_str);
    assert_eq!((finished.code, last), (Some(1), Some(said)), "{:#?}", finished.stderr);
}

/// The next thing that the relay tells whoever runs it as a service.
fn told(manager: &UnixDatagram) -> String {
    let mut datagram = [0; 256];
    let len = manager.recv(&mut datagram).unwrap();
    String::from_utf8_lossy(&datagram[..len]).into_owned()
}

/// Datagrams wait for who reads them, so each of these is told once and in this order.
#[test]
fn the_service_manager_is_told_of_a_relay_that_serves_reloads_and_stops() {
    let (home, ip) = (home(), own_address());
    let manager = UnixDatagram::bind(home.path().join("notify")).unwrap();
    // Only a relay that says nothing takes that long.
    manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let line = format!(
        "serve --dev --listen {ip}:8443 --http {ip}:8080 --admin {ip}:8081 --admin-exposed --stun {ip}:3478"
    );
    let mut command = wherry(&home, &line);
    let command = command.env("NOTIFY_SOCKET", home.path().join("notify")).stdin(Stdio::null());
    let mut relay = Relay(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let said = told(&manager);
    let answers = [8443, 8080, 8081].map(|port| TcpStream::connect((ip, port)).is_ok());
    let signal = |name: &str| {
        let pid = relay.0.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    };
    signal("-HUP");
    let reloaded = [told(&manager), told(&manager)];
    signal("-TERM");
    let stopped = told(&manager);
    assert_eq!(relay.0.wait().unwrap().code(), Some(0));
    assert_eq!((said.as_str(), answers), ("READY=1\n", [true; 3]));
    assert!(
        reloaded[0].starts_with("RELOADING=1\nMONOTONIC_USEC=") && reloaded[1] == "READY=1\n",
        "{reloaded:?}"
    );
    assert_eq!(stopped, "STOPPING=1\n");
}

#[test]
fn a_relay_that_cannot_serve_is_never_said_to_be_ready() {
    let home = home();
    let manager = UnixDatagram::bind(home.path().join("notify")).unwrap();
    manager.set_nonblocking(true).unwrap();
    let listener = std::net::TcpListener::bind((own_address(), 0)).unwrap();
    let taken = listener.local_addr().unwrap();
    let mut command = wherry(&home, &format!("serve --dev --listen {taken} --stun off --admin off"));
    assert_eq!(run(command.env("NOTIFY_SOCKET", home.path().join("notify"))).code, Some(1));
    assert_eq!(manager.recv(&mut [0; 256]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a relay that hangs tells nobody; real time is what ends the wait for it"
)]
fn a_map_on_a_file_that_hangs_does_not_keep_the_relay_from_stopping() {
    let home = home();
    let pipe = home.path().join("map");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // With a writer that writes nothing, reading waits for ever.
    let writer = std::fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let (mut relay, _) = Relay::start(wherry(
        &home,
        "serve --dev --listen 127.0.0.1:0 --stun off --admin off --map-include map",
    ));
    let files = format!("/proc/{}/fd", relay.0.id());
    let is_read = || {
        let mut files = std::fs::read_dir(&files).unwrap();
        files.any(|file| std::fs::read_link(file.unwrap().path()).is_ok_and(|target| target == pipe))
    };
    let reading = std::time::Instant::now() + Duration::from_secs(60);
    while !is_read() {
        assert!(std::time::Instant::now() < reading, "it never opens the map");
        std::thread::yield_now();
    }
    assert!(Command::new("kill").arg(relay.0.id().to_string()).status().unwrap().success());
    assert_eq!(end_of(&mut relay.0), Some(0));
    drop(writer);
}

#[test]
fn a_list_that_breaks_shows_in_readyz_and_the_relay_goes_on() {
    let home = home();
    let list = home.path().join("nodes");
    std::fs::write(&list, format!("nodekey:{} ada\n", "ab".repeat(32))).unwrap();
    let (relay, log) = Relay::start(wherry(
        &home,
        "serve --dev --admit list:nodes --listen 127.0.0.1:0 --stun off --admin 127.0.0.1:0",
    ));
    let admin = admin_of(&log);
    assert_eq!(ask(&admin, "/readyz"), ("HTTP/1.0 200 OK".to_owned(), "ready\n".to_owned()));
    std::fs::write(&list, "not a key\n").unwrap();
    assert!(Command::new("kill").args(["-HUP", &relay.0.id().to_string()]).status().unwrap().success());
    // The signal and the requests are served by the same thread, so a few requests are enough.
    let mut answers = (0..5000).map(|_| ask(&admin, "/readyz"));
    let (line, body) = answers.find(|(line, _)| line != "HTTP/1.0 200 OK").expect("still ready");
    assert_eq!(line, "HTTP/1.0 503 Service Unavailable");
    assert!(body.starts_with("admission: ") && body.contains("nodes") && body.lines().count() == 1, "{body}");
    assert_eq!(relay.stop().0, Some(0));
}

#[test]
fn an_empty_list_is_noted_and_who_is_taken_off_is_named() {
    let home = home();
    let list = home.path().join("nodes");
    std::fs::write(&list, format!("nodekey:{} ada\n", "ab".repeat(32))).unwrap();
    let (mut relay, log) = Relay::start(wherry(
        &home,
        "serve --dev --admit list:nodes --listen 127.0.0.1:0 --stun off --admin 127.0.0.1:0",
    ));
    let admin = admin_of(&log);
    std::fs::write(&list, "").unwrap();
    assert!(Command::new("kill").args(["-HUP", &relay.0.id().to_string()]).status().unwrap().success());
    let mut log = BufReader::new(relay.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let taken_off = log.find(|line| line.contains("taken off the list")).unwrap();
    assert!(taken_off.contains("peer=[q6urq]") && taken_off.contains("name=\"ada\""), "{taken_off}");
    let note = "note: admission: the list nodes is empty: no node may use the relay\n";
    assert_eq!(ask(&admin, "/readyz"), ("HTTP/1.0 200 OK".to_owned(), format!("ready\n{note}")));
    let status = run(&mut wherry(&home, &format!("status --interval 0s --admin {admin}"))).stdout;
    assert!(status.contains(&format!(", ready\n{note}listening on ")), "{status}");
    assert_eq!(relay.stop().0, Some(0));
}

#[test]
fn a_taken_port_is_one_line_and_the_port_that_it_names_works() {
    let (home, ip) = (home(), own_address());
    let take = |port: u16| std::net::TcpListener::bind(SocketAddr::new(ip.into(), port)).unwrap();
    let taken = [take(0), take(8443)];
    let addr = taken[0].local_addr().unwrap();
    for kind in ["", "plain:"] {
        let dev = format!("serve --dev --listen {kind}{addr} --stun off --admin off");
        let finished = run(&mut wherry(&home, &dev));
        assert_eq!(finished.code, Some(1));
        let [line] = finished.stderr.as_slice() else { panic!("{:?}", finished.stderr) };
        assert!(line.starts_with(&format!("wherry: cannot listen on {addr} (listen): ")), "{line}");
        let (_, rest) = line.split_once("or choose another: --listen ").unwrap();
        let other = rest;
        assert!(other.starts_with(&format!("{kind}{ip}:")), "{line}");
        let (relay, _) =
            Relay::start(wherry(&home, &format!("serve --dev --listen {other} --stun off --admin off")));
        assert_eq!(relay.stop().0, Some(0));
    }
}

#[test]
fn the_port_to_choose_in_place_of_a_taken_one_is_none_that_the_relay_wants_elsewhere() {
    let (home, ip) = (home(), own_address());
    let taken = std::net::TcpListener::bind((ip, 0)).unwrap();
    let others = format!("--listen plain:{ip}:8443 --http {ip}:8444 --admin {ip}:8445 --stun off");
    let serve = |addr: &str| wherry(&home, &format!("serve --dev --listen {addr} {others}"));
    let finished = run(&mut serve(&taken.local_addr().unwrap().to_string()));
    let [line] = finished.stderr.as_slice() else { panic!("{:?}", finished.stderr) };
    let (_, other) = line.split_once("or choose another: --listen ").unwrap();
    assert_eq!(other, format!("{ip}:8446"));
    let (relay, _) = Relay::start(serve(other));
    assert_eq!(relay.stop().0, Some(0));
}

#[test]
fn a_taken_port_that_is_not_needed_is_told_with_the_way_to_do_without() {
    let home = home();
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = tcp.local_addr().unwrap();
    for (key, addr) in [("http", taken), ("admin", taken), ("stun", udp.local_addr().unwrap())] {
        let of = |one: &str| if one == key { format!("--{one} {addr}") } else { format!("--{one} off") };
        let flags = ["http", "admin", "stun"].map(of).join(" ");
        let finished = run(&mut wherry(&home, &format!("serve --dev --listen 127.0.0.1:0 {flags}")));
        let [line] = finished.stderr.as_slice() else { panic!("{:?}", finished.stderr) };
        assert!(line.contains(&format!("{addr} ({key}): ")), "{line}");
        assert!(line.ends_with(&format!("or do without: --{key} off")), "{line}");
    }
}

#[test]
fn what_is_made_anew_is_told_with_its_path() {
    let home = home();
    let ip = own_address();
    let line = format!(
        "derper -a {ip}:8443 -hostname {ip} -certmode manual -http-port -1 -stun=false -c mistyped/key -certdir mistyped"
    );
    let (relay, log) = Relay::start(wherry(&home, &line));
    let log = log.join("\n");
    assert!(log.contains("made a node key") && log.contains("path=mistyped/key"), "{log}");
    let certificate = format!("path=mistyped/{ip}.crt");
    assert!(log.contains("made a self-signed certificate") && log.contains(&certificate), "{log}");
    assert!(
        log.contains("bound on the memory of all that waits together (limits.memory) mebibytes="),
        "{log}"
    );
    assert_eq!(relay.stop().0, Some(0));
}
