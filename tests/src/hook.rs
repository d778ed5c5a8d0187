//! A tiny HTTP server that answers as the test says and keeps what it was asked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::spawn;

/// What the hook does with each request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Takes the request and never answers.
    Never,
}

impl Answer {
    /// A response with this status, such as `200 OK`, and body.
    #[must_use]
    pub fn status(status: &str, body: &str) -> Self {
        let len = body.len();
        Self::Bytes(
            format!("HTTP/1.1 {status}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{body}").into(),
        )
    }
}

/// A running hook. It lasts as long as the test process.
#[derive(Debug, Clone)]
pub struct Hook {
    asked: Arc<Mutex<Vec<String>>>,
    answer: Arc<Mutex<Answer>>,
}

impl Hook {
    /// On a free TCP port of loopback.
    #[must_use]
    pub fn tcp(answer: Answer) -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let hook = Self::new(answer);
        let here = hook.clone();
        spawn(move || listener.incoming().flatten().for_each(|stream| here.serve(stream)));
        (hook, addr)
    }

    /// On a Unix socket at `path`.
    #[must_use]
    pub fn unix(path: &Path, answer: Answer) -> Self {
        let listener = UnixListener::bind(path).expect("the path is free");
        let hook = Self::new(answer);
        let here = hook.clone();
        spawn(move || listener.incoming().flatten().for_each(|stream| here.serve(stream)));
        hook
    }

    /// What it answers from now on.
    pub fn set(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// The requests since the last call, head and body as text.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn new(answer: Answer) -> Self {
        Self { asked: Arc::default(), answer: Arc::new(Mutex::new(answer)) }
    }

    fn serve<S: Read + Write + Send + 'static>(&self, mut stream: S) {
        let here = self.clone();
        spawn(move || {
            let Some(request) = read_request(&mut stream) else { return };
            here.asked.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            let answer = here.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let done = match answer {
                Answer::Bytes(bytes) => stream.write_all(&bytes).is_ok(),
                // Until the other side gives up.
                Answer::Never => stream.read(&mut [0]).is_ok(),
            };
            drop((stream, done));
        });
    }
}

fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut buf = [0; 4096];
        let len = stream.read(&mut buf).ok().filter(|len| *len > 0)?;
        bytes.extend_from_slice(&buf[..len]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().filter_map(|line| line.split_once(": ")).find_map(|(name, value)| {
            name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or_default() {
            return Some(text.into_owned());
        }
    }
}
