//! Why connections end or never begin.

/// A closed list of reasons, numbered from 1 in the order given.
macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// All reasons, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name used in metrics and logs.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// The position in [`Self::ALL`].
            #[must_use]
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

reasons! {
    /// Why a session ended.
    CloseReason {
        /// The peer closed the connection.
        HungUp => "hung_up",
        /// The socket could not be read any more.
        ReadError => "read_error",
        /// The socket could not be written any more.
        WriteError => "write_error",
        /// The peer took nothing for too long.
        WriteTimeout => "write_timeout",
        /// The peer broke DERP.
        BadFrame => "bad_frame",
        /// The peer broke TLS or WebSocket.
        Transport => "transport",
        /// So many control frames wait that the peer cannot be reading.
        ControlOverflow => "control_overflow",
        /// The peer may not use the relay any more.
        Revoked => "revoked",
        /// A sibling asked for it.
        ClosedBySibling => "closed_by_sibling",
        /// The relay stops.
        Shutdown => "shutdown",
        /// Its socket was full, and there was no memory for what it had not taken.
        Memory => "memory",
    }
}

reasons! {
    /// Why a connection never became a session.
    Refusal {
        /// It was too slow in some step.
        TooSlow => "too_slow",
        /// It ended before.
        HungUp => "hung_up",
        /// It broke TLS, or asked for a name or version that is not served.
        Tls => "tls",
        /// It spoke plain HTTP on a TLS port.
        HttpOnTls => "http_on_tls",
        /// It broke the WebSocket protocol or spoke another subprotocol.
        WebSocket => "websocket",
        /// Its DERP handshake was wrong.
        Handshake => "handshake",
        /// Admission said no.
        Denied => "denied",
        /// Our fault.
        Internal => "internal",
        /// There was no memory for one more.
        Memory => "memory",
    }
}

impl CloseReason {
    /// The reason with this [`Self::index`].
    #[must_use]
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }
}
