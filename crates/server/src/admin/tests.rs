use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::*;

#[derive(Debug, Default)]
struct Fake {
    health: Mutex<Health>,
}

impl Facts for Fake {
    fn health(&self) -> Health {
        self.health.lock().unwrap().clone()
    }

    fn metrics(&self) -> String {
        "some_metric 1\n".to_owned()
    }

    fn status(&self) -> Status {
        Status { version: "1.2.3".to_owned(), uptime_ms: 5, ..Status::default() }
    }
}

struct Served {
    addr: std::net::SocketAddr,
    facts: Arc<Fake>,
    // ends the listener
    _task: JoinSet<()>,
}

impl Served {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let facts = Arc::new(Fake::default());
        let mut task = JoinSet::new();
        task.spawn(serve(listener, Arc::clone(&facts) as _));
        Self { addr, facts, _task: task }
    }

    /// Sends a request and reads to the end: the status line and the body.
    async fn ask(&self, request: &str) -> (String, String) {
        let mut socket = TcpStream::connect(self.addr).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    async fn get(&self, path: &str) -> (String, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")).await
    }
}

#[tokio::test]
async fn each_path_answers_what_the_index_says() {
    let served = Served::start().await;
    let ok = |body: &str| ("HTTP/1.1 200 OK".to_owned(), body.to_owned());
    assert_eq!(served.get("/healthz").await, ok("ok\n"));
    assert_eq!(served.get("/readyz").await, ok("ready\n"));
    assert_eq!(served.get("/metrics").await, ok("some_metric 1\n"));
    let (_, status) = served.get("/status.json").await;
    let status: Status = serde_json::from_str(&status).unwrap();
    assert_eq!((status.version.as_str(), status.uptime_ms), ("1.2.3", 5));
    let (_, index) = served.get("/").await;
    assert!(PATHS.iter().all(|(path, _)| index.contains(&format!("\n{path} "))), "{index}");
}

#[tokio::test]
async fn not_ready_is_503_with_a_line_for_each_fault() {
    let served = Served::start().await;
    let fault = |part, problem: &str| Fault { part, problem: problem.to_owned() };
    *served.facts.health.lock().unwrap() = Health {
        faults: vec![fault(Part::Certificates, "expired\nyesterday"), fault(Part::Stun, "down")],
        notes: vec![fault(Part::Admission, "empty list")],
    };
    let (status, body) = served.get("/readyz").await;
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(body, "certificates: expired yesterday\nstun: down\nnote: admission: empty list\n");
    assert_eq!(served.get("/healthz").await.0, "HTTP/1.1 200 OK");
    served.facts.health.lock().unwrap().faults.clear();
    let ready = ("HTTP/1.1 200 OK".to_owned(), "ready\nnote: admission: empty list\n".to_owned());
    assert_eq!(served.get("/readyz").await, ready, "a note does not keep it from being ready");
}

#[tokio::test]
async fn elsewhere_is_404_and_other_methods_are_405() {
    let served = Served::start().await;
    assert_eq!(served.get("/healthz/").await.0, "HTTP/1.1 404 Not Found");
    assert_eq!(served.get("/status").await.0, "HTTP/1.1 404 Not Found");
    let post = served.ask("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(post.0, "HTTP/1.1 405 Method Not Allowed");
    let head = served.ask("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(head, ("HTTP/1.1 200 OK".to_owned(), String::new()));
}

#[tokio::test]
async fn a_name_that_resolves_to_loopback_is_refused() {
    let served = Served::start().await;
    for (host, allowed) in [
        ("evil.example", false),
        ("evil.example:3341", false),
        ("localhost.evil.example", false),
        ("127.0.0.1:3341", true),
        ("[::1]:3341", true),
        ("LOCALHOST:1", true),
    ] {
        let (status, _) = served.ask(&format!("GET /status.json HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(status == "HTTP/1.1 200 OK", allowed, "{host}: {status}");
    }
}

#[tokio::test]
async fn garbage_and_silence_do_not_stop_others() {
    let served = Served::start().await;
    let _silent: Vec<_> =
        [TcpStream::connect(served.addr).await.unwrap(), TcpStream::connect(served.addr).await.unwrap()]
            .into();
    let mut garbage = TcpStream::connect(served.addr).await.unwrap();
    garbage.write_all(&[0x16, 3, 1, 0, 0, 0xff, b'\n', b'\n']).await.unwrap();
    assert_eq!(served.get("/healthz").await.1, "ok\n");
}
