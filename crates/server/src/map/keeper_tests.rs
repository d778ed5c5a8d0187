use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use super::*;
use crate::config::{Environment, Sources, load};

const HOME: &str = "regions: {901: {regionid: 901, nodes: [{name: 901a, hostname: b.example}]}}";

/// As the rules for maps have it, but for a mistake or two.
fn read(name: &str, text: &str) -> Result<DerpMap, Vec<String>> {
    let read =
        if text.starts_with('{') { DerpMap::from_json(text.as_bytes()) } else { DerpMap::from_yaml(text) };
    let map = read.map_err(|err| vec![format!("{name}: {err}")])?;
    let mut names: Vec<_> =
        map.live_regions().flat_map(|(_, region)| &region.nodes).map(|node| &node.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    match (map.regions.is_empty(), names.len() == count) {
        (true, _) => Err(vec![format!("{name}: no region"); 7]),
        (_, false) => Err(vec![format!("{name}: one name twice")]),
        _ => Ok(map),
    }
}

/// A keeper of the own entry and some included maps, and what it serves.
struct Desk {
    keeper: Keeper,
    served: Arc<Served>,
}

impl Desk {
    /// One that keeps nothing over a restart.
    fn new(include: Vec<Include>) -> Self {
        Self::of(include, Path::new("/proc/none"), Box::new(|| Some(Entry::at("a.example", 443))))
    }

    fn of(include: Vec<Include>, state: &Path, own: Own) -> Self {
        let env = Environment::of([("STATE_DIRECTORY", "/nowhere")]);
        let settings = load(&Sources { dev: true, env, ..Sources::default() }).unwrap().settings.map;
        let settings = MapSettings { include, ..settings };
        let served = Arc::new(Served::default());
        let keeper =
            Keeper::new(&settings, state, own, false, Arc::new(read), Arc::clone(&served), Clock::start())
                .unwrap();
        Self { keeper, served }
    }

    /// Reads all again and serves what comes of it.
    async fn again(&mut self) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.tick().await;
        self.keeper.begin(true).await;
        while !self.keeper.looks.is_empty() {
            self.keeper.step(&mut ticks).await;
        }
    }

    fn regions(&self) -> Vec<i64> {
        let page = self.served.page().unwrap();
        DerpMap::from_json(&page.body).unwrap().regions.into_keys().collect()
    }

    /// All that is wrong, but that nothing is kept.
    fn faults(&self) -> Vec<String> {
        let mut faults = self.served.faults();
        faults.retain(|fault| !fault.contains("would not survive a restart"));
        faults
    }
}

fn file(dir: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// A server that gives one answer after the other; its URL, and the heads of what it was asked.
fn web(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    // Out of 127.0.0.0/8, so that nobody listens there once this one is gone.
    let [a, b, c] = Clock::start().random().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::new(127, 1 + a % 254, b, 1 + c % 254), 0)).unwrap();
    let url = format!("http://{}/map", listener.local_addr().unwrap());
    let answering = move |answer: String| {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let len = stream.read(&mut head).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&head[..len]).to_ascii_lowercase()
    };
    (url, std::thread::spawn(move || answers.into_iter().map(answering).collect()))
}

fn ok(headers: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

const JSON: &str = r#"{"Regions":{"901":{"RegionID":901,"Nodes":[{"Name":"901a"}]}}}"#;

#[tokio::test]
async fn the_own_entry_alone_is_served_from_the_start_and_follows_its_pin() {
    let pin = Arc::new(Mutex::new("sha256-raw:aa".to_owned()));
    let own = {
        let pin = Arc::clone(&pin);
        move || Some(Entry { cert_name: pin.lock().unwrap().clone(), ..Entry::at("a.example", 443) })
    };
    let mut desk = Desk::of(Vec::new(), Path::new("/proc/none"), Box::new(own));
    let before = desk.served.page().unwrap();
    desk.again().await;
    assert_eq!(desk.served.page().unwrap(), before, "nothing changed");
    *pin.lock().unwrap() = "sha256-raw:bb".to_owned();
    desk.again().await;
    let after = desk.served.page().unwrap();
    assert_ne!(after.etag, before.etag);
    assert!(after.body.windows(13).any(|window| window == b"sha256-raw:bb"));
}

#[tokio::test]
async fn nothing_is_served_before_each_included_map_was_read_once() {
    let dir = tempfile::tempdir().unwrap();
    let good = Include::File(file(&dir, "good", HOME));
    let late = dir.path().join("late");
    let mut desk = Desk::new(vec![good, Include::File(late.clone())]);
    desk.again().await;
    assert_eq!(desk.served.page(), None);
    assert_eq!(desk.faults().len(), 1);
    assert!(desk.faults()[0].contains("late: cannot read it"), "{:?}", desk.faults());
    fs::write(late, JSON.replace("901", "902")).unwrap();
    desk.again().await;
    assert_eq!((desk.regions(), desk.faults()), (vec![900, 901, 902], Vec::new()));
}

#[tokio::test]
async fn an_included_map_that_turns_bad_stays_as_it_was_and_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir, "map", HOME);
    let mut desk = Desk::new(vec![Include::File(path.clone())]);
    desk.again().await;
    assert_eq!(desk.regions(), [900, 901]);
    let before = desk.served.page();
    for (text, why) in
        [("{\"Regions\":", "not valid JSON"), ("regions: [", "not valid YAML"), ("", "no region")]
    {
        fs::write(&path, text).unwrap();
        desk.again().await;
        assert_eq!(desk.served.page(), before, "{text}");
        assert!(desk.faults().concat().contains(why), "{text}: {:?}", desk.faults());
    }
    assert_eq!(
        desk.faults().len(),
        6,
        "the first five of seven, and a word on the rest: {:?}",
        desk.faults()
    );
    assert!(desk.faults()[5].ends_with("map: 2 mistakes more; wherry map check names all"));
    for (bytes, why) in [(b"\xff\xff", "no text in UTF-8"), (b"\x1f\x8b", "compressed with gzip")] {
        fs::write(&path, bytes).unwrap();
        desk.again().await;
        assert!(desk.faults().concat().contains(why), "{:?}", desk.faults());
    }
    fs::remove_file(&path).unwrap();
    desk.again().await;
    assert_eq!(desk.served.page(), before);
    assert!(desk.faults().concat().contains("cannot read it"), "{:?}", desk.faults());
    fs::write(&path, HOME.replace("901", "903")).unwrap();
    desk.again().await;
    assert_eq!((desk.regions(), desk.faults()), (vec![900, 903], Vec::new()));
}

#[tokio::test]
async fn maps_that_do_not_go_together_leave_what_was_served_before() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (file(&dir, "one", HOME), file(&dir, "other", &HOME.replace("901", "902")));
    let mut desk = Desk::new(vec![Include::File(one), Include::File(other.clone())]);
    desk.again().await;
    let before = desk.served.page();
    assert_eq!(desk.regions(), [900, 901, 902]);
    fs::write(&other, HOME.replace("901:", "902:").replace("regionid: 901", "regionid: 902")).unwrap();
    for _ in 0..2 {
        desk.again().await;
        assert_eq!(desk.served.page(), before);
        assert_eq!(desk.faults(), ["the included maps together: one name twice"]);
    }
    fs::write(&other, HOME.replace("901", "903")).unwrap();
    desk.again().await;
    assert_eq!((desk.regions(), desk.faults()), (vec![900, 901, 903], Vec::new()));
}

#[tokio::test]
async fn what_was_read_last_outlives_a_restart() {
    let (dir, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = file(&dir, "map", HOME);
    let start = || {
        let own = Box::new(|| Some(Entry::at("a.example", 443)));
        Desk::of(vec![Include::File(path.clone())], state.path(), own)
    };
    let mut desk = start();
    assert_eq!(desk.served.page(), None);
    desk.again().await;
    fs::write(&path, "regions: {}").unwrap();
    desk.again().await;
    let before = desk.served.page();
    let mut desk = start();
    assert_eq!(desk.served.page().map(|page| page.body.clone()), before.map(|page| page.body.clone()));
    desk.again().await;
    assert_eq!((desk.regions(), desk.faults().len()), (vec![900, 901], 6));
    fs::write(&path, HOME.replace("901", "903")).unwrap();
    desk.again().await;
    assert_eq!(desk.served.faults(), [""; 0]);
    assert_eq!(start().regions(), [900, 903]);
    let kept = fs::read_dir(state.path().join("maps")).unwrap().next().unwrap().unwrap().path();
    fs::write(kept, "{").unwrap();
    assert_eq!(start().served.page(), None, "what is broken is not served");
}

#[tokio::test]
async fn a_map_that_cannot_be_kept_is_served_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(vec![Include::File(file(&dir, "map", HOME))]);
    desk.again().await;
    assert_eq!(desk.regions(), [900, 901]);
    let faults = desk.served.faults();
    assert!(faults.len() == 1 && faults[0].contains("would not survive a restart"), "{faults:?}");
}

#[tokio::test]
async fn a_url_that_answers_something_else_keeps_the_map_before() {
    let gone = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned();
    let unasked = "HTTP/1.1 304 Not Modified\r\n\r\n".to_owned();
    let (url, server) = web(vec![ok("", JSON), gone, unasked, ok("", "regions: {}")]);
    let mut desk = Desk::new(vec![Include::Url(url)]);
    for fault in ["", "HTTP status 404", "HTTP status 304", "no region"] {
        desk.again().await;
        assert_eq!(desk.regions(), [900, 901]);
        assert!(desk.faults().concat().contains(fault), "{:?}", desk.faults());
    }
    server.join().unwrap();
    desk.again().await;
    assert_eq!(desk.regions(), [900, 901]);
    assert!(desk.faults().concat().contains("cannot fetch it"), "{:?}", desk.faults());
}

#[tokio::test]
async fn a_server_that_can_say_so_is_asked_whether_the_map_changed() {
    let (tag, date) = ("ETag: \"one\"\r\n", "Last-Modified: Thu, 26 Nov 2026 00:00:00 GMT\r\n");
    let same = || "HTTP/1.1 304 Not Modified\r\n\r\n".to_owned();
    let bad = ok("ETag: \"bad\"\r\n", "regions: {}");
    let other = ok("", &JSON.replace("901", "902"));
    let (url, server) =
        web(vec![ok(&format!("{tag}{date}"), JSON), same(), bad, same(), other, ok("", JSON)]);
    let mut desk = Desk::new(vec![Include::Url(url)]);
    for (regions, faults) in [(901, 0), (901, 0), (901, 6), (901, 0), (902, 0), (901, 0)] {
        desk.again().await;
        assert_eq!(
            (desk.regions(), desk.faults().len()),
            (vec![900, regions], faults),
            "{:?}",
            desk.faults()
        );
    }
    let asked = server.join().unwrap();
    let known: Vec<_> = asked
        .iter()
        .map(|head| {
            (head.contains("if-none-match: \"one\""), head.contains("if-modified-since: thu, 26 nov 2026"))
        })
        .collect();
    // What was not taken leaves the tag of what is held; a map without one forgets it.
    assert_eq!(
        known,
        [(false, false), (true, true), (true, true), (true, true), (true, true), (false, false)]
    );
}

#[test]
fn a_token_in_a_url_is_shown_to_nobody() {
    let url = |query: &str| Include::Url(format!("https://maps.example/m{query}"));
    assert_eq!(url("?token=1").to_string(), "https://maps.example/m?…");
    assert_eq!(url("").to_string(), "https://maps.example/m");
    let [one, other] = ["?token=1", "?token=2"].map(|query| url(query).kept_in(Path::new("/s")));
    assert_ne!(one, other, "each has a file of its own");
}

#[tokio::test]
async fn roots_that_cannot_be_had_are_told_and_tried_again() {
    let (url, server) = web(vec![ok("", JSON)]);
    let mut desk = Desk::new(vec![Include::Url(url)]);
    desk.keeper.fetcher = Arc::new(Fetcher::new(|| Trust::only([])));
    desk.again().await;
    assert_eq!(desk.served.page(), None);
    assert!(desk.faults().concat().contains("no root certificate to trust"), "{:?}", desk.faults());
    desk.keeper.fetcher = Arc::new(Fetcher::new(|| Trust::system([])));
    desk.again().await;
    assert_eq!((desk.regions(), desk.faults()), (vec![900, 901], Vec::new()));
    server.join().unwrap();
}

#[tokio::test]
async fn a_file_is_due_when_it_changed_and_a_url_when_its_time_has_come() {
    let dir = tempfile::tempdir().unwrap();
    let (path, state) = (file(&dir, "map", HOME), Path::new("/proc/none"));
    let (reading, fetcher): (ReadMap, _) = (Arc::new(read), Fetcher::new(|| Trust::system([])));
    let mut held = Held::new(Include::File(path.clone()), state, &reading);
    let (at, hour) = (Duration::from_secs, Duration::from_secs(3600));
    assert!(held.is_due(at(0)).await, "it was never read");
    assert!(held.read(&reading, &fetcher, || at(0), hour).await);
    // The look that finds the file settled, then one that finds it so still.
    held.is_due(at(1)).await;
    assert!(!held.is_due(at(2)).await);
    fs::write(&path, HOME.replace("901", "9010")).unwrap();
    assert!(!held.is_due(at(3)).await, "somebody may be writing still");
    assert!(held.is_due(at(4)).await);
    let mut held = Held::new(Include::File(dir.path().to_owned()), state, &reading);
    for _ in 0..4 {
        assert!(
            held.is_due(at(0)).await || held.is_due(at(0)).await,
            "what could not be read is tried again"
        );
        held.read(&reading, &fetcher, || at(0), hour).await;
        assert!(held.faults[0].contains("cannot read it"), "{:?}", held.faults);
    }
    let mut held = Held::new(Include::Url("http://127.0.0.1:1/".to_owned()), state, &reading);
    assert!(held.is_due(at(0)).await);
    assert!(held.read(&reading, &fetcher, || at(0), hour).await);
    assert!(!held.is_due(at(59)).await);
    assert!(held.is_due(at(60)).await, "a failure is tried again within a minute");
}

/// Makes `path` a file whose reading hangs until somebody writes.
fn hang(path: &Path) {
    fs::remove_file(path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Lets go whoever reads it.
fn let_go(path: &Path) {
    drop(fs::OpenOptions::new().write(true).open(path).unwrap());
}

#[tokio::test]
async fn what_hangs_keeps_neither_the_own_entry_nor_other_maps_from_being_served() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (file(&dir, "one", HOME), file(&dir, "other", &HOME.replace("901", "902")));
    let pin = Arc::new(Mutex::new("sha256-raw:aa".to_owned()));
    let own = {
        let pin = Arc::clone(&pin);
        move || Some(Entry { cert_name: pin.lock().unwrap().clone(), ..Entry::at("a.example", 443) })
    };
    let include = vec![Include::File(one.clone()), Include::File(other.clone())];
    let mut desk = Desk::of(include, Path::new("/proc/none"), Box::new(own));
    desk.again().await;
    assert_eq!(desk.regions(), [900, 901, 902]);
    hang(&one);
    fs::write(&other, HOME.replace("901", "903")).unwrap();
    *pin.lock().unwrap() = "sha256-raw:bb".to_owned();
    let served = Arc::clone(&desk.served);
    let mut looks = interval(Duration::from_millis(10));
    let is_served = async {
        loop {
            let page = served.page().unwrap();
            let text = String::from_utf8_lossy(&page.body).into_owned();
            if text.contains("sha256-raw:bb") && text.contains("903") {
                return;
            }
            looks.tick().await;
        }
    };
    let was_served = tokio::select! {
        () = desk.again() => false,
        () = is_served => true,
    };
    let_go(&one);
    assert!(was_served, "it was waited for");
}

/// A server that answers once and then hangs, for as long as the listener is there.
fn web_that_hangs(answer: String) -> (String, JoinHandle<TcpListener>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/map", listener.local_addr().unwrap());
    let answering = move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert_ne!(stream.read(&mut [0; 4096]).unwrap(), 0);
        stream.write_all(answer.as_bytes()).unwrap();
        listener
    };
    (url, std::thread::spawn(answering))
}

#[tokio::test]
async fn a_url_that_hangs_does_not_keep_a_file_from_being_looked_at_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir, "map", HOME);
    let (url, server) = web_that_hangs(ok("", &JSON.replace("901", "902")));
    let mut desk = Desk::new(vec![Include::Url(url), Include::File(path.clone())]);
    desk.again().await;
    assert_eq!(desk.regions(), [900, 901, 902]);
    let _hangs = server.join().unwrap();
    let mut ticks = interval(LOOK_EVERY);
    // The file is read at once; what is written then takes two looks.
    desk.keeper.begin(true).await;
    desk.keeper.step(&mut ticks).await;
    // In one go: it may be being read.
    let new = file(&dir, "new", &HOME.replace("901", "903"));
    fs::rename(new, &path).unwrap();
    tokio::time::pause();
    while desk.regions() == [900, 901, 902] {
        desk.keeper.step(&mut ticks).await;
        assert!(desk.faults().is_empty(), "it waited for the URL: {:?}", desk.faults());
    }
    assert_eq!(desk.regions(), [900, 902, 903]);
}

#[tokio::test]
async fn a_url_that_hung_has_its_pause_from_then_on() {
    let (reading, fetcher): (ReadMap, _) = (Arc::new(read), Fetcher::new(|| Trust::system([])));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/map", listener.local_addr().unwrap());
    let seconds = Arc::new(AtomicU64::new(0));
    // Half a minute passes before it hangs up.
    let server = std::thread::spawn({
        let seconds = Arc::clone(&seconds);
        move || {
            let _stream = listener.accept().unwrap();
            seconds.store(30, Ordering::SeqCst);
        }
    });
    let (mut held, at) =
        (Held::new(Include::Url(url), Path::new("/proc/none"), &reading), Duration::from_secs);
    let now = || at(seconds.load(Ordering::SeqCst));
    assert!(held.look(false, &reading, &fetcher, now, at(10)).await);
    server.join().unwrap();
    assert!(!held.is_due(at(39)).await);
    assert!(held.is_due(at(40)).await);
}

#[tokio::test]
async fn a_disk_that_hangs_is_told_and_holds_one_thread() {
    let dir = tempfile::tempdir().unwrap();
    let (path, aside) = (file(&dir, "map", HOME), dir.path().join("aside"));
    let mut desk = Desk::new(vec![Include::File(path.clone())]);
    desk.again().await;
    hang(&path);
    tokio::time::pause();
    // Slowly enough that the look at the file is over.
    let hours = async {
        loop {
            tokio::time::advance(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = desk.again() => {}
        () = hours => {}
    }
    tokio::time::resume();
    for _ in 0..3 {
        assert!(desk.faults().concat().contains("does not answer"), "{:?}", desk.faults());
        assert_eq!(desk.regions(), [900, 901]);
        desk.again().await;
    }
    fs::rename(&path, &aside).unwrap();
    fs::write(&path, HOME.replace("901", "903")).unwrap();
    let_go(&aside);
    while !desk.faults().is_empty() {
        desk.again().await;
    }
    assert_eq!(desk.regions(), [900, 903]);
}

#[tokio::test]
async fn a_map_that_could_not_be_kept_is_kept_later_without_another_change() {
    let (dir, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (path, state) = (file(&dir, "map", HOME), state.path().join("state"));
    fs::write(&state, "no folder").unwrap();
    let (reading, fetcher): (ReadMap, _) = (Arc::new(read), Fetcher::new(|| Trust::system([])));
    let mut held = Held::new(Include::File(path), &state, &reading);
    let (at, hour) = (Duration::from_secs, Duration::from_secs(3600));
    assert!(held.look(false, &reading, &fetcher, || at(0), hour).await);
    assert_eq!(held.all_faults().count(), 1);
    // The looks that find the file settled.
    for _ in 0..2 {
        held.is_due(at(1)).await;
    }
    fs::remove_file(&state).unwrap();
    assert!(!held.look(false, &reading, &fetcher, || at(59), hour).await);
    assert!(held.look(false, &reading, &fetcher, || at(60), hour).await);
    assert_eq!(held.all_faults().count(), 0);
    assert_eq!(fs::read_dir(state.join("maps")).unwrap().count(), 1);
}

#[tokio::test]
async fn a_whole_that_could_not_be_made_is_told_and_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(vec![Include::File(file(&dir, "map", HOME))]);
    desk.keeper.read =
        Arc::new(|name, text| if name == WHOLE { panic!("as asked") } else { read(name, text) });
    desk.again().await;
    assert_eq!(desk.served.page(), None);
    assert!(desk.faults().concat().contains("could not be put together"), "{:?}", desk.faults());
    desk.keeper.read = Arc::new(read);
    desk.again().await;
    assert_eq!((desk.regions(), desk.faults()), (vec![900, 901], Vec::new()));
}

#[tokio::test]
async fn a_whole_without_a_region_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir, "map", HOME);
    let mut desk = Desk::of(vec![Include::File(path.clone())], Path::new("/proc/none"), Box::new(|| None));
    desk.again().await;
    assert_eq!((desk.regions(), desk.faults()), (vec![901], Vec::new()));
    desk.keeper.without = vec!["903".to_owned()];
    fs::write(&path, HOME.replace("901", "903")).unwrap();
    desk.again().await;
    assert_eq!(desk.regions(), [901]);
    assert!(desk.faults().concat().contains("no region is left"), "{:?}", desk.faults());
}

#[tokio::test]
async fn a_whole_in_which_nobody_relays_is_not_served() {
    let dir = tempfile::tempdir().unwrap();
    let quiet = HOME.replace("hostname: b.example", "hostname: b.example, stunonly: true");
    let path = file(&dir, "map", &quiet);
    let include = vec![Include::File(path.clone())];
    let mut desk = Desk::of(include.clone(), Path::new("/proc/none"), Box::new(|| None));
    for text in [&*quiet, HOME, &*quiet] {
        fs::write(&path, text).unwrap();
        desk.again().await;
        let faults = desk.faults().concat();
        assert_eq!(text != HOME, faults.contains("nobody in them relays"), "{faults}");
        assert_eq!(text == HOME, faults.is_empty(), "{faults}");
        if text == HOME {
            assert_eq!(desk.regions(), [901]);
        }
    }
    assert!(desk.served.page().is_some_and(|page| !page.body.windows(8).any(|at| at == b"STUNOnly")));
    let mut desk = Desk::new(include);
    desk.again().await;
    assert_eq!((desk.regions(), desk.faults()), (vec![900, 901], Vec::new()), "this relay relays itself");
}

#[tokio::test]
async fn a_relay_that_stays_unfinished_is_asked_less_and_less_often() {
    let part = |map: &str| {
        let word = "wherry-map: 0000000000000007 0000000000000007/0\r\nContent-Length";
        format!("HTTP/1.1 503 Service Unavailable\r\n{word}: {}\r\n\r\n{map}", map.len())
    };
    let other = JSON.replace("901", "902");
    let answers = [JSON, JSON, JSON, JSON, JSON, JSON, &other, &other];
    let (url, server) = web(answers.map(part).to_vec());
    let (reading, fetcher): (ReadMap, _) = (Arc::new(read), Fetcher::new(|| Trust::system([])));
    let mut held = Held::new(Include::Url(url), Path::new("/proc/none"), &reading);
    let (at, hour, mut now) = (Duration::from_secs, Duration::from_secs(3600), 0);
    for pause in [10, 20, 40, 80, 120, 120, 10, 20] {
        held.read(&reading, &fetcher, || at(now), hour).await;
        assert!(held.faults[0].contains("has not read all maps"), "{:?}", held.faults);
        now += pause;
        assert!(!held.is_due(at(now - 1)).await, "{pause} s");
        assert!(held.is_due(at(now)).await, "{pause} s");
    }
    server.join().unwrap();
}
