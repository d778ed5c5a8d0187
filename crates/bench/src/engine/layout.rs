//! Who takes part in a load, and who sends what to whom.

/// A whole load.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    pub(crate) members: Vec<Member>,
    pub(crate) flows: Vec<Flow>,
    /// What the report calls the flows of each class, by its number.
    pub(crate) classes: Vec<&'static str>,
}

/// A client that takes part.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Member {
    pub(crate) side: Side,
    pub(crate) reading: Reading,
    /// Its socket's receive buffer as the kernel counts, in bytes; none: the kernel's choice.
    pub(crate) receive_buffer: Option<usize>,
    /// Members of one group are driven by one thread.
    pub(crate) group: usize,
}

/// Which relay a client is connected to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Side {
    /// The relay of the run; of two the first.
    #[default]
    Near,
    /// The second of two.
    Far,
}

/// How a client reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Whatever comes.
    #[default]
    Free,
    /// So many bytes of its TCP stream a second.
    Paced { bytes_per_second: u64 },
    /// Nothing at all.
    Frozen,
}

/// Packets of one sender.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    /// Number of the member that sends.
    pub(crate) from: usize,
    /// Numbers of the members it sends to, in turn.
    pub(crate) to: Vec<usize>,
    /// Which class it is counted under.
    pub(crate) class: usize,
    /// Bytes of a packet.
    pub(crate) size: usize,
    /// Whether a relay takes its packets for discovery.
    pub(crate) is_disco: bool,
    pub(crate) shape: Shape,
}

/// When a flow sends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// By the clock alone: `rate` packets a second in bursts of `burst`, of which each `stride`-th burst is this flow's.
    Open { rate: u64, burst: u64, stride: u64, offset: u64 },
    /// As many packets on their way as that, no more.
    Closed { in_flight: u64 },
}

impl Layout {
    /// Adds a client and returns its number.
    pub(crate) fn member(&mut self, member: Member) -> usize {
        self.members.push(member);
        self.members.len() - 1
    }

    /// Adds a class and returns its number.
    pub(crate) fn class(&mut self, name: &'static str) -> usize {
        self.classes.push(name);
        self.classes.len() - 1
    }

    /// Whether the clock, not the relay, decides when packets leave.
    pub(crate) fn is_open(&self) -> bool {
        self.flows.iter().any(|flow| matches!(flow.shape, Shape::Open { .. }))
    }
}
