//! Many clients, dialled several at a time.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use wherry_wire::key::NodePublic;

use super::layout::Member;
use crate::link::{Aim, Link, Scratch, dial, new_key};

/// Connects every member to the relay that `aim_of` says, `diallers` at a time; in their order, each with its key.
///
/// `connected` is told how many there are, from the threads that dial; it says whether to go on.
///
/// # Errors
/// The first dial that failed, with its number.
pub(crate) fn gather<'a>(
    aim_of: &(dyn Fn(&Member) -> &'a Aim + Sync),
    members: &[Member],
    diallers: usize,
    connected: &(dyn Fn(usize) -> bool + Sync),
) -> io::Result<Vec<(NodePublic, Link)>> {
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let links = Mutex::new(Vec::with_capacity(members.len()));
    thread::scope(|scope| {
        let dialler = || -> io::Result<()> {
            let mut scratch = Scratch::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(member) = members.get(number) else { return Ok(()) };
                let key = new_key()?;
                let named = |err: io::Error| {
                    next.fetch_max(members.len(), Ordering::Relaxed);
                    let (own, all) = (number + 1, members.len());
                    io::Error::new(
                        err.kind(),
                        format!(
                            "client {own} of {all} did not get in: {err}; the relay's log says why, often a limit of its \
                             connections or open files; or ask for fewer clients or --diallers"
                        ),
                    )
                };
                let mut link =
                    dial(aim_of(member), &key, member.receive_buffer, &mut scratch).map_err(named)?;
                link.rest();
                if let Ok(mut links) = links.lock() {
                    links.push((number, key.public(), link));
                }
                if !connected(done.fetch_add(1, Ordering::Relaxed) + 1) {
                    next.fetch_max(members.len(), Ordering::Relaxed);
                }
            }
        };
        let threads: Vec<_> = (0..diallers.max(1)).map(|_| scope.spawn(dialler)).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a dialling thread died")))
        })
    })?;
    let mut links = links.into_inner().unwrap_or_default();
    links.sort_by_key(|(number, _, _)| *number);
    Ok(links.into_iter().map(|(_, key, link)| (key, link)).collect())
}
