//! How to dial.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::error::{DialError, Step};
use super::steps::{How, Plain, Secured, Transport};
use crate::clock;
use crate::connection::{Connection, Identity};
use crate::target::{Family, Target};
use crate::tls::Trust;

/// Dials relays; its settings hold for all of them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dialer {
    how: How,
    budget: Duration,
}

impl Dialer {
    /// As stock clients dial: 10 seconds for everything, IPv4 with a head start, fast start where possible.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        let how = How { trust, transport: Transport::Upgrade, preferred: Family::V4, fast_start: true };
        Self { how, budget: Duration::from_secs(10) }
    }

    /// The same with another carrier.
    #[must_use]
    pub fn with_transport(self, transport: Transport) -> Self {
        Self { how: How { transport, ..self.how }, ..self }
    }

    /// The same with the other family first.
    #[must_use]
    pub fn with_preferred(self, preferred: Family) -> Self {
        Self { how: How { preferred, ..self.how }, ..self }
    }

    /// The same without the short cut that a relay's meta certificate allows.
    #[must_use]
    pub fn without_fast_start(self) -> Self {
        Self { how: How { fast_start: false, ..self.how }, ..self }
    }

    /// The same with another time for [`connect`](Self::connect), and for each step taken singly.
    #[must_use]
    pub fn with_budget(self, budget: Duration) -> Self {
        Self { budget, ..self }
    }

    /// All steps, within the budget.
    ///
    /// Cancelled, whatever was open is closed; a relay may have seen the client come and go.
    ///
    /// # Errors
    /// [`DialError`], which tells the step.
    pub async fn connect(&self, target: &Target, identity: &Identity) -> Result<Connection, DialError> {
        let deadline = clock::now() + self.budget;
        let plain = self.reach(deadline, target).await?;
        let secured = self.within(deadline, Step::Tls, self.how.protect(plain)).await?;
        self.within(deadline, Step::Handshake, self.how.open(secured, identity)).await
    }

    /// First step: names and TCP.
    ///
    /// # Errors
    /// [`DialError::Unreachable`], [`DialError::Timeout`].
    pub async fn tcp(&self, target: &Target) -> Result<Plain, DialError> {
        self.reach(clock::now() + self.budget, target).await
    }

    /// Second step: TLS; nothing to do for `http://`.
    ///
    /// # Errors
    /// [`DialError::Tls`], [`DialError::Timeout`].
    pub async fn tls(&self, plain: Plain) -> Result<Secured, DialError> {
        self.within(clock::now() + self.budget, Step::Tls, self.how.protect(plain)).await
    }

    /// Third step: HTTP upgrade and DERP handshake.
    ///
    /// # Errors
    /// [`DialError::Handshake`], [`DialError::Timeout`].
    pub async fn handshake(&self, secured: Secured, identity: &Identity) -> Result<Connection, DialError> {
        self.within(clock::now() + self.budget, Step::Handshake, self.how.open(secured, identity)).await
    }

    /// Without an address until then, it was the resolver that did not answer.
    async fn reach(&self, deadline: Instant, target: &Target) -> Result<Plain, DialError> {
        let has_address = AtomicBool::new(false);
        let late = |_| {
            let step = if has_address.load(Ordering::Relaxed) { Step::Tcp } else { Step::Dns };
            Err(DialError::Timeout { step, limit: self.budget })
        };
        timeout_at(deadline, self.how.reach(target, &has_address)).await.unwrap_or_else(late)
    }

    async fn within<T>(
        &self,
        deadline: Instant,
        step: Step,
        work: impl Future<Output = Result<T, DialError>>,
    ) -> Result<T, DialError> {
        let late = |_| Err(DialError::Timeout { step, limit: self.budget });
        timeout_at(deadline, work).await.unwrap_or_else(late)
    }
}
