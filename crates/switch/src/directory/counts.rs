//! Figures of the directory, for metrics.

/// What is here and what happened, at one moment. Names in brackets are those of the reference's metrics, without `derp_`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Conns (`current_connections`).
    pub conns: u64,
    /// Conns whose client calls this relay its home (`current_home_connections`).
    pub home_conns: u64,
    /// Conns that should be on another relay of the region (`current_notideal_connections`).
    pub not_ideal_conns: u64,
    /// Conns of siblings that are told who comes and goes (`watchers`).
    pub watchers: u64,
    /// Distinct keys, here or in the mesh (`clients_total`).
    pub peers: u64,
    /// Distinct keys here (`clients_local`). `clients_remote` is the difference.
    pub local_peers: u64,
    /// Keys with two conns or more (`current_dup_client_keys`).
    pub dup_keys: u64,
    /// Conns of such keys (`current_dup_client_conns`).
    pub dup_conns: u64,
    /// Conns that joined while another of the same key was here (`total_dup_client_conns`). Only grows.
    pub dup_conns_total: u64,
    /// Clients that made this relay their home after the first seconds (`home_moves_in`). Only grows.
    pub home_moves_in: u64,
    /// Clients that moved their home away after the first seconds (`home_moves_out`). Only grows.
    pub home_moves_out: u64,
    /// A second sibling said it has a peer (`multiforwarder_created`). Only grows.
    pub multiforwarder_created: u64,
    /// One of several siblings was left (`multiforwarder_deleted`). Only grows.
    pub multiforwarder_deleted: u64,
    /// A sibling took back a peer that another one has by now (`packet_forwarder_delete_other_value`). Only grows.
    pub forwarder_delete_other_value: u64,
    /// Notices that a peer is gone which found the control lane of an ordinary conn full. Only grows. Such a client does not
    /// read; it will learn that the peer is gone when it sends to it.
    pub notices_lost: u64,
}

impl Counts {
    /// Keys known in the mesh only (`clients_remote`).
    pub fn remote_peers(&self) -> u64 {
        self.peers.saturating_sub(self.local_peers)
    }
}
