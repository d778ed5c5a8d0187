//! Memory per client that is connected and says nothing.

use crate::link::{self, Link, Scratch, Target};
use crate::scenario::{Plan, Sample};
use crate::subject::Running;
use std::io;
use std::time::Duration;
use wherry_wire::derp::encode;

/// Clients that are connected before the first reading, so that start-up costs are not charged to clients.
const FIRST: usize = 100;

/// Time for the relay to settle before memory is read.
const SETTLE: Duration = Duration::from_secs(2);

/// Reads memory after the first hundred clients and after all.
///
/// # Errors
/// A connection failed, or the relay is gone.
pub(crate) fn run(running: &Running, plan: &Plan) -> io::Result<Sample> {
    let target = Target::learn(running.addr)?;
    let mut scratch = Scratch::new();
    let mut links = Vec::with_capacity(plan.idle_clients);
    connect(&target, FIRST, &mut links, &mut scratch)?;
    std::thread::sleep(SETTLE);
    let base = running.memory()?;
    connect(&target, plan.idle_clients, &mut links, &mut scratch)?;
    std::thread::sleep(SETTLE);
    let full = running.memory()?;
    let clients = links.len() - FIRST;
    #[expect(clippy::cast_precision_loss, reason = "bytes stay far below 2^52")]
    let figure = full.saturating_sub(base) as f64 / clients as f64;
    #[expect(clippy::cast_precision_loss, reason = "bytes stay far below 2^52")]
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let beside = vec![("MiB with 100 clients", mib(base)), ("MiB with all clients", mib(full))];
    Ok(Sample { figure, beside })
}

/// Dials until there are `count` links, each marked as its peer's home, as stock clients do.
fn connect(target: &Target, count: usize, links: &mut Vec<Link>, scratch: &mut Scratch) -> io::Result<()> {
    let mut preferred = Vec::new();
    encode::note_preferred(&mut preferred, true);
    while links.len() < count {
        let (mut link, _) = Link::dial(target, &link::new_key()?, scratch)?;
        link.send(&preferred)?;
        link.rest();
        links.push(link);
    }
    Ok(())
}
