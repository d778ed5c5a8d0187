//! Two clients exchange a packet through the relay given as the argument, e.g. `https://relay.example/derp`.
//!
//! ```sh
//! cargo run --example echo -- https://relay.example/derp
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::error::Error;

use wherry_client::{Dialer, Identity, Message, Target, Trust};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let target: Target = std::env::args().nth(1).ok_or("usage: echo <url of a relay>")?.parse()?;
    let dialer = Dialer::new(Trust::system([])?);
    let (anna, bert) = (Identity::throw_away()?, Identity::throw_away()?);
    let mut annas = dialer.connect(&target, &anna).await?;
    let mut berts = dialer.connect(&target, &bert).await?;

    annas.send(&bert.public(), b"hello, bert").await?;
    loop {
        if let Message::Packet { src, packet } = berts.recv().await? {
            berts.send(&src, &packet).await?;
            break;
        }
    }
    loop {
        if let Message::Packet { src, packet } = annas.recv().await? {
            println!("{} from {src}", String::from_utf8_lossy(&packet));
            return Ok(());
        }
    }
}
