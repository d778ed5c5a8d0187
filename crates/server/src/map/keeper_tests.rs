use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Mutex;

use super::*;

const HOME: &str = "regions: {901: {regionid: 901, nodes: [{name: 901a, hostname: b.example}]}}";

/// A keeper of the own entry and some included maps.
fn keeper(include: Vec<Include>) -> (Keeper, Arc<Served>) {
    keeper_of(include, Box::new(|| Some(Entry::at("a.example", 443))))
}

fn keeper_of(include: Vec<Include>, own: Own) -> (Keeper, Arc<Served>) {
    let settings = MapSettings {
        serve: true,
        region_id: 900,
        region_code: "wherry".to_owned(),
        region_name: "Wherry".to_owned(),
        node_name: None,
        include,
        without: Vec::new(),
        refresh: Duration::from_secs(3600),
    };
    let served = Arc::new(Served::default());
    (Keeper::new(&settings, own, Arc::clone(&served), Clock::start()), served)
}

async fn again(keeper: &mut Keeper) {
    keeper.read(true).await;
    keeper.put();
}

fn regions(served: &Served) -> Vec<i64> {
    let page = served.page().unwrap();
    DerpMap::from_json(&page.body).unwrap().regions.into_keys().collect()
}

fn file(dir: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn the_own_entry_alone_is_served_from_the_start_and_follows_its_pin() {
    let pin = Arc::new(Mutex::new("sha256-raw:aa".to_owned()));
    let own = {
        let pin = Arc::clone(&pin);
        move || Some(Entry { cert_name: pin.lock().unwrap().clone(), ..Entry::at("a.example", 443) })
    };
    let (mut keeper, served) = keeper_of(Vec::new(), Box::new(own));
    let before = served.page().unwrap();
    again(&mut keeper).await;
    assert_eq!(served.page().unwrap(), before, "nothing changed");
    *pin.lock().unwrap() = "sha256-raw:bb".to_owned();
    again(&mut keeper).await;
    let after = served.page().unwrap();
    assert_ne!(after.etag, before.etag);
    assert!(after.body.windows(13).any(|window| window == b"sha256-raw:bb"));
}

#[tokio::test]
async fn nothing_is_served_before_each_included_map_was_read_once() {
    let dir = tempfile::tempdir().unwrap();
    let good = Include::File(file(&dir, "good", HOME));
    let late = dir.path().join("late");
    let (mut keeper, served) = keeper(vec![good, Include::File(late.clone())]);
    again(&mut keeper).await;
    assert_eq!(served.page(), None);
    assert_eq!(served.faults().len(), 1);
    assert!(served.faults()[0].contains("late: cannot read it"), "{:?}", served.faults());
    fs::write(late, r#"{"Regions":{"902":{"RegionID":902,"Nodes":[{"Name":"902a"}]}}}"#).unwrap();
    again(&mut keeper).await;
    assert_eq!(regions(&served), [900, 901, 902]);
    assert_eq!(served.faults(), [""; 0]);
}

#[tokio::test]
async fn an_included_map_that_turns_bad_stays_as_it_was_and_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir, "map", HOME);
    let (mut keeper, served) = keeper(vec![Include::File(path.clone())]);
    again(&mut keeper).await;
    assert_eq!(regions(&served), [900, 901]);
    let before = served.page();
    let bad = [
        ("<!doctype html><title>404</title>", "web page"),
        ("{\"Regions\":", "not valid JSON"),
        ("regions: [", "not valid YAML"),
        ("regions: {}", "no region"),
        ("", "no region"),
    ];
    for (text, why) in bad {
        fs::write(&path, text).unwrap();
        again(&mut keeper).await;
        assert_eq!(served.page(), before, "{text}");
        assert!(served.faults().concat().contains(why), "{text}: {:?}", served.faults());
    }
    fs::remove_file(&path).unwrap();
    again(&mut keeper).await;
    assert_eq!(served.page(), before);
    assert!(served.faults().concat().contains("cannot read it"), "{:?}", served.faults());
    fs::write(&path, HOME.replace("901", "903")).unwrap();
    again(&mut keeper).await;
    assert_eq!((regions(&served), served.faults()), (vec![900, 903], Vec::new()));
}

#[tokio::test]
async fn a_url_that_answers_something_else_keeps_the_map_before() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/map", listener.local_addr().unwrap());
    let map = r#"{"Regions":{"901":{"RegionID":901,"Nodes":[{"Name":"901a"}]}}}"#;
    let answers = [
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{map}", map.len()),
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>".to_owned(),
    ];
    let server = std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 4096];
            assert!(stream.read(&mut head).unwrap() > 0);
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let (mut keeper, served) = keeper(vec![Include::Url(url)]);
    for fault in ["", "HTTP status 404", "web page"] {
        again(&mut keeper).await;
        assert_eq!(regions(&served), [900, 901]);
        assert!(served.faults().concat().contains(fault), "{:?}", served.faults());
    }
    server.join().unwrap();
    again(&mut keeper).await;
    assert_eq!(regions(&served), [900, 901]);
    assert!(served.faults().concat().contains("cannot fetch it"), "{:?}", served.faults());
}

#[tokio::test]
async fn a_file_is_due_when_it_changed_and_a_url_when_its_time_has_come() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir, "map", HOME);
    let mut held = Held::new(Include::File(path.clone()));
    let (at, hour) = (Duration::from_secs, Duration::from_secs(3600));
    assert!(held.is_due(at(0)).await, "it was never read");
    assert!(held.read(None, at(0), hour).await);
    // The look that finds the file settled, then one that finds it so still.
    held.is_due(at(1)).await;
    assert!(!held.is_due(at(2)).await);
    fs::write(&path, HOME.replace("901", "9010")).unwrap();
    assert!(!held.is_due(at(3)).await, "somebody may be writing still");
    assert!(held.is_due(at(4)).await);
    let mut held = Held::new(Include::Url("http://127.0.0.1:1/".to_owned()));
    assert!(held.is_due(at(0)).await);
    let dialer = Dialer::new(Trust::system([]).unwrap());
    assert!(held.read(Some(&dialer), at(0), hour).await);
    assert!(!held.is_due(at(59)).await);
    assert!(held.is_due(at(60)).await, "a failure is tried again within a minute");
}
