//! From counters to series: which counter is which metric.

use wherry_switch::{Counts, DropReason, Kind, MemoryBudget};

use super::{CloseReason, Counter, Counters, Flow, Process, Refusal, StunCounters, Totals, family};

const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

pub(super) fn counters(counters: &Counters, into: &mut Totals) {
    for kind in Kind::ALL {
        let flow = counters.received(kind);
        let (packets, bytes) = (flow.packets.value(), flow.bytes.value());
        into.add(&family::PACKETS_RECEIVED, &[], packets);
        into.add(&family::BYTES_RECEIVED, &[], bytes);
        into.add(&family::PACKETS_RECEIVED_KIND, &[kind.name()], packets);
        into.add(&family::BYTES_RECEIVED_KIND, &[kind.name()], bytes);
        let sent = counters.sent(kind);
        let (packets, bytes) = (sent.packets.value(), sent.bytes.value());
        into.add(&family::PACKETS_SENT, &[], packets);
        into.add(&family::BYTES_SENT, &[], bytes);
        into.add(&family::PACKETS_SENT_KIND, &[kind.name()], packets);
        into.add(&family::BYTES_SENT_KIND, &[kind.name()], bytes);
    }
    for (reason, kinds) in DropReason::ALL.into_iter().zip(&counters.dropped) {
        for (kind, Flow { packets, bytes }) in Kind::ALL.into_iter().zip(kinds) {
            into.add(&family::PACKETS_DROPPED, &[reason.name(), kind.name()], packets.value());
            into.add(&family::BYTES_DROPPED, &[reason.name(), kind.name()], bytes.value());
        }
    }
    for (reason, counter) in CloseReason::ALL.iter().zip(&counters.closed) {
        into.add(&family::CLOSED, &[reason.name()], counter.value());
        if *reason == CloseReason::WriteTimeout {
            into.add(&family::WRITE_TIMEOUTS, &[], counter.value());
        }
    }
    for (reason, counter) in Refusal::ALL.iter().zip(&counters.refused) {
        into.add(&family::REFUSED, &[reason.name()], counter.value());
    }
    for (class, counter) in STATUS_CLASSES.iter().zip(&counters.http) {
        into.add(&family::HTTP_REQUESTS, &[class], counter.value());
    }
    let plain: [(_, &Counter); 12] = [
        (&family::PACKETS_FORWARDED_IN, &counters.forwarded_in.packets),
        (&family::UNKNOWN_FRAMES, &counters.skipped_frames),
        (&family::GOT_PING, &counters.got_ping),
        (&family::SENT_PONG, &counters.sent_pong),
        (&family::PEER_GONE_NOT_HERE, &counters.peer_gone_not_here),
        (&family::PAUSED, &counters.paused),
        (&family::MAILBOX_PACKETS, &counters.waited),
        (&family::MAILBOX_WAIT, &counters.waited_ms),
        (&family::TCP_ACCEPTED, &counters.accepted),
        (&family::ACCEPT_ERRORS, &counters.accept_errors),
        (&family::ACCEPTS, &counters.upgraded),
        (&family::SESSIONS, &counters.sessions),
    ];
    for (family, counter) in plain {
        into.add(family, &[], counter.value());
    }
    into.add(&family::WEBSOCKET_ACCEPTS, &[], counters.websocket_sessions.value());
}

pub(super) fn stun(counters: &StunCounters, into: &mut Totals) {
    let dispositions = [
        ("not_stun", &counters.not_stun),
        ("read_error", &counters.read_error),
        ("success", &counters.success),
        ("write_error", &counters.write_error),
    ];
    for (name, counter) in dispositions {
        into.add(&family::STUN_REQUESTS, &[name], counter.value());
    }
    into.add(&family::STUN_FAMILIES, &["ipv4"], counters.ipv4.value());
    into.add(&family::STUN_FAMILIES, &["ipv6"], counters.ipv6.value());
}

pub(super) fn counts(counts: &Counts, into: &mut Totals) {
    let rows = [
        (&family::CURRENT_CONNECTIONS, counts.conns),
        (&family::CURRENT_HOME, counts.home_conns),
        (&family::CURRENT_NOTIDEAL, counts.not_ideal_conns),
        (&family::CLIENTS_TOTAL, counts.peers),
        (&family::CLIENTS_LOCAL, counts.local_peers),
        (&family::CLIENTS_REMOTE, counts.remote_peers()),
        (&family::DUP_KEYS, counts.dup_keys),
        (&family::DUP_CONNS, counts.dup_conns),
        (&family::DUP_TOTAL, counts.dup_conns_total),
        (&family::WATCHERS, counts.watchers),
        (&family::HOME_IN, counts.home_moves_in),
        (&family::HOME_OUT, counts.home_moves_out),
        (&family::MULTI_CREATED, counts.multiforwarder_created),
        (&family::MULTI_DELETED, counts.multiforwarder_deleted),
        (&family::OTHER_VALUE, counts.forwarder_delete_other_value),
        (&family::NOTICES_LOST, counts.notices_lost),
    ];
    for (family, value) in rows {
        into.add(family, &[], value);
    }
}

pub(super) fn memory(memory: &MemoryBudget, into: &mut Totals) {
    into.add(&family::MEMORY_USED, &[], memory.used() as u64);
    into.add(&family::MEMORY_LIMIT, &[], memory.limit() as u64);
}

pub(super) fn process(process: &Process, into: &mut Totals) {
    into.add(&family::VERSION, &[process.version, "wherry"], 1);
    into.add(&family::READY, &[], u64::from(process.ready));
    into.add(&family::START_TIME, &[], process.started_unix());
    into.add(&family::UPTIME, &[], process.uptime.as_secs());
    into.add(&family::OPEN_FILES, &[], Process::open_files());
    into.add(&family::RESIDENT, &[], Process::resident_bytes());
}
