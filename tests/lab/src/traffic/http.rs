//! HTTP by hand: one request, and a server that answers every request alike.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::time::Duration;

/// How long either end waits for the other.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks `addr` for `path`, with further header lines, and prints the answer as it came.
pub(super) fn get(addr: &str, path: &str, headers: &[&str]) -> Result<(), String> {
    let told = |err| format!("get {addr}{path}: {err}");
    let mut stream = TcpStream::connect(addr).map_err(told)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(told)?;
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n");
    for header in headers {
        request += &format!("{header}\r\n");
    }
    stream.write_all((request + "\r\n").as_bytes()).map_err(told)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(told)?;
    println!("{}", String::from_utf8_lossy(&answer));
    Ok(())
}

/// Answers with the head and body that stand in `file` at that moment.
pub(super) fn answer(port: &str, file: &str) -> Result<(), String> {
    let told = |err| format!("answer: {err}");
    let port = port.parse::<u16>().map_err(|err| format!("answer: {port}: {err}"))?;
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).map_err(told)?;
    println!("ready");
    for stream in listener.incoming() {
        let stream = stream.map_err(told)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(told)?;
        let text = fs::read_to_string(file).map_err(|err| format!("answer: {file}: {err}"))?;
        // Who asks and goes away before the answer is no fault of this end.
        drop(serve(&stream, &text));
    }
    Ok(())
}

fn serve(mut stream: &TcpStream, text: &str) -> std::io::Result<()> {
    for line in BufReader::new(stream).lines() {
        if line?.is_empty() {
            break;
        }
    }
    stream.write_all(text.as_bytes())
}
