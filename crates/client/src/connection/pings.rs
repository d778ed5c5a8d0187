//! Pings whose pong is awaited.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// One entry per future that waits, so it is as bounded as its callers are.
#[derive(Default)]
pub(super) struct Pings(Mutex<Book>);

#[derive(Default)]
struct Book {
    waiting: Vec<([u8; 8], oneshot::Sender<()>)>,
    /// Nobody reads pongs any more.
    over: bool,
}

/// A pong that may come; dropping it forgets the ping.
pub(super) struct Expected<'a> {
    pings: &'a Pings,
    data: [u8; 8],
    arrived: oneshot::Receiver<()>,
}

impl Pings {
    pub(super) fn expect(&self, data: [u8; 8]) -> Expected<'_> {
        let (tell, arrived) = oneshot::channel();
        let mut book = self.book();
        if !book.over {
            book.waiting.push((data, tell));
        }
        Expected { pings: self, data, arrived }
    }

    pub(super) fn pong(&self, data: [u8; 8]) {
        let mut book = self.book();
        if let Some(index) = book.waiting.iter().position(|(waiting, _)| *waiting == data) {
            // Whoever waited may have given up in this instant.
            let _gone: Result<(), ()> = book.waiting.swap_remove(index).1.send(());
        }
    }

    /// Tells all who wait that no pong will come, now and later.
    pub(super) fn end(&self) {
        let mut book = self.book();
        book.over = true;
        book.waiting.clear();
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Expected<'_> {
    /// Whether the pong came; false if the connection ended before.
    pub(super) async fn came(&mut self) -> bool {
        (&mut self.arrived).await.is_ok()
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.pings.book().waiting.retain(|(data, _)| *data != self.data);
    }
}
