//! The register: every key there is, once. Parser, flags, environment, help, `config check` and the reference page
//! are made from it.

use super::key::{DURATION, Key, NONE, Shape};
use super::register_map::{
    MAP_CODE, MAP_ID, MAP_INCLUDE, MAP_IPV4, MAP_IPV6, MAP_NAME, MAP_NODE, MAP_PORT, MAP_REFRESH, MAP_SERVE,
    MAP_STUN_PORT, MAP_WITHOUT,
};

/// Finds a key by its name in the file.
#[must_use]
pub fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().copied().find(|key| key.name == name)
}

/// All keys, in the order of the reference page.
pub const KEYS: &[&Key] = &[
    &HOSTNAME,
    &LISTEN,
    &HTTP,
    &STUN,
    &ADMIT,
    &CERT_DIR,
    &SELF_SIGNED,
    &STATE,
    &KEY_FILE,
    &ADMIN,
    &ADMIN_EXPOSED,
    &MESH_KEY_FILE,
    &HOME,
    &DERP,
    &WORKERS,
    &LOG,
    &LOG_FORMAT,
    &MAP_SERVE,
    &MAP_ID,
    &MAP_CODE,
    &MAP_NAME,
    &MAP_NODE,
    &MAP_IPV4,
    &MAP_IPV6,
    &MAP_PORT,
    &MAP_STUN_PORT,
    &MAP_INCLUDE,
    &MAP_WITHOUT,
    &MAP_REFRESH,
    &HANDSHAKE,
    &HTTP_TIME,
    &WRITE_TIMEOUT,
    &KEEPALIVE,
    &TCP_USER_TIMEOUT,
    &TCP_KEEPALIVE,
    &MAILBOX_BYTES,
    &MAILBOX_AGE,
    &MEMORY,
];

pub(super) const HOSTNAME: Key = Key {
    name: "hostname",
    shape: Shape::Many,
    value_name: "NAME|IP",
    takes: "a DNS name or an IP address, without port",
    dev: "127.0.0.1",
    doc: "Name or IP address under which clients reach this relay. It goes into the printed map entry and into a \
          self-signed certificate; with `cert_dir` it also says which names must be covered. Several are allowed.",
    ..NONE
};

pub(super) const LISTEN: Key = Key {
    name: "listen",
    shape: Shape::Many,
    value_name: "[plain:][IP]:PORT",
    takes: "[IP]:PORT with TLS, or plain:[IP]:PORT without; names are not resolved",
    default: ":443",
    dev: "127.0.0.1:3340",
    doc: "TCP address to serve the relay on. Every one speaks TLS unless it starts with `plain:`, whatever its port. \
          A port alone, `:443` or `443`, is every address of the host, IPv4 and IPv6 where it has that. Port 0 takes a free port.",
    ..NONE
};

pub(super) const HTTP: Key = Key {
    name: "http",
    shape: Shape::Many,
    value_name: "[IP]:PORT|off|auto",
    takes: "[IP]:PORT, off, or auto",
    default: "auto",
    dev: "off",
    doc: "Plain HTTP address for captive-portal checks (`/generate_204`) and redirects to HTTPS. `auto` is port 80 on \
          the address of each TLS listener on port 443, nothing otherwise; `off` is none. On port 80 it goes into the map \
          entry (`CanPort80`) where that has an IPv4 address: clients ask at no other.",
    ..NONE
};

pub(super) const STUN: Key = Key {
    name: "stun",
    shape: Shape::Many,
    value_name: "[IP]:PORT|off|auto",
    takes: "[IP]:PORT, off, or auto",
    default: "auto",
    dev: "127.0.0.1:3478",
    doc: "UDP address to answer STUN on; a port alone is every address of the host. `auto` is port 3478 on the \
          address of each listener, without those that another listener's wildcard stands for; `off` is none. Clients measure their distance to a relay by STUN: without it they \
          come here only when told to.",
    ..NONE
};

pub(super) const ADMIT: Key = Key {
    name: "admit",
    value_name: "open|list:FILE",
    takes: "open, or list:FILE",
    dev: "open",
    doc: "Who may use the relay. `open` is anybody who finds it; `list:FILE` is the node keys in the file, one a line \
          with an optional name after it, re-read when it changes. There is no default: on an address that is not \
          loopback the relay refuses to start until one is chosen. `--dev` chooses `open`, for loopback only.",
    ..NONE
};

pub(super) const CERT_DIR: Key = Key {
    name: "cert_dir",
    value_name: "DIR",
    takes: "a folder with certificates and keys in PEM",
    doc: "Folder with certificates and keys. Files are paired by content, whatever their names, and read again when \
          they change; if the new ones are bad the old stay. A TLS listener needs this or `self_signed`.",
    ..NONE
};

pub(super) const SELF_SIGNED: Key = Key {
    name: "self_signed",
    shape: Shape::Switch,
    value_name: "BOOL",
    takes: "true or false",
    default: "false",
    dev: "true",
    doc: "Make a self-signed certificate for the first `hostname`, once, and keep it in `state`. Clients accept it by \
          the pin (`sha256-raw:…`) in the printed map entry.",
    ..NONE
};

pub(super) const STATE: Key = Key {
    name: "state",
    value_name: "DIR|auto",
    takes: "a folder the relay may write to, or auto",
    default: "auto",
    dev: "auto",
    doc: "Folder for what the relay keeps: its node key, a self-signed certificate, included maps. `auto` is `$STATE_DIRECTORY` \
          (set by systemd), else `/var/lib/wherry` for root, else `$XDG_STATE_HOME/wherry`, else \
          `~/.local/state/wherry`; with `--dev` the folder `dev` inside it.",
    ..NONE
};

pub(super) const KEY_FILE: Key = Key {
    name: "key_file",
    value_name: "FILE|ephemeral|auto",
    takes: "a file, ephemeral, or auto",
    default: "auto",
    doc: "File with the relay's private node key, as `derper -c` writes it; made with mode 0600 when it is missing. \
          `auto` is `derp.key.json` in `state`. `ephemeral` takes a new key at each start.",
    ..NONE
};

pub(super) const ADMIN: Key = Key {
    name: "admin",
    value_name: "IP:PORT|off",
    takes: "IP:PORT, or off",
    default: "127.0.0.1:3341",
    doc: "Private HTTP address for health, metrics and status. Next door to DERP's customary test port 3340 and away \
          from 9090, which Prometheus itself takes. `off` is none.",
    ..NONE
};

pub(super) const ADMIN_EXPOSED: Key = Key {
    name: "admin_exposed",
    shape: Shape::Switch,
    value_name: "BOOL",
    takes: "true or false",
    default: "false",
    doc: "Allow `admin` on an address that is not loopback. Who reaches it sees the keys, addresses and traffic of \
          everybody connected; there is no password. Only for a network that others cannot reach.",
    ..NONE
};

pub(super) const MESH_KEY_FILE: Key = Key {
    name: "mesh_key_file",
    value_name: "FILE",
    takes: "a file with 64 hex digits, not all zero",
    doc: "File with the key that sibling relays of one region share. Connections that show it may watch and close \
          others, so keep it as you keep a private key.",
    ..NONE
};

pub(super) const HOME: Key = Key {
    name: "home",
    value_name: "default|blank|URL",
    takes: "default, blank, or an http:// or https:// URL",
    default: "default",
    doc: "What a browser sees at `/`: a page that says what this is, an empty page, or a redirect.",
    ..NONE
};

pub(super) const DERP: Key = Key {
    name: "derp",
    shape: Shape::Switch,
    value_name: "BOOL",
    takes: "true or false",
    default: "true",
    doc: "Relay packets. With `false` only STUN and the web pages are served, and no map entry is printed or served.",
    ..NONE
};

pub(super) const WORKERS: Key = Key {
    name: "workers",
    value_name: "N|auto",
    takes: "1 to 1024, or auto",
    default: "auto",
    doc: "Threads that serve connections. `auto` is one for each core the process may use; more than that costs speed.",
    ..NONE
};

pub(super) const LOG: Key = Key {
    name: "log",
    value_name: "LEVEL",
    takes: "off, error, warn, info, debug or trace, optionally by target: info,wherry_server::stun=debug",
    default: "info",
    doc: "How much to log on stderr. `info` is the life of the process and who is not admitted, `debug` adds each \
          connection and why it ended, `trace` what only work on the relay itself needs. Frames and packets are never \
          logged one by one.",
    ..NONE
};

pub(super) const LOG_FORMAT: Key = Key {
    name: "log_format",
    value_name: "text|json",
    takes: "text or json",
    default: "text",
    doc: "Form of a log line.",
    ..NONE
};

pub(super) const HANDSHAKE: Key = Key {
    name: "limits.handshake",
    value_name: "TIME",
    takes: DURATION,
    default: "10s",
    doc: "Time a client has from the upgrade to the end of the DERP handshake. From 100ms to 10m.",
    ..NONE
};

pub(super) const HTTP_TIME: Key = Key {
    name: "limits.http",
    value_name: "TIME",
    takes: DURATION,
    default: "30s",
    doc: "Time a connection has for its TLS handshake and for each HTTP request. From 100ms to 10m.",
    ..NONE
};

pub(super) const WRITE_TIMEOUT: Key = Key {
    name: "limits.write_timeout",
    value_name: "TIME|off",
    takes: "a number with its unit (500ms, 10s, 5m, 1h), or off",
    default: "2s",
    doc: "Time a client's socket may refuse bytes before the client is cut. `off` waits for ever. From 100ms to 10m.",
    ..NONE
};

pub(super) const KEEPALIVE: Key = Key {
    name: "limits.keepalive",
    value_name: "TIME",
    takes: DURATION,
    default: "60s",
    doc: "Period of the keep-alive frame each client gets; up to 5 s are added at random. Clients give a silent relay \
          up after 120 s. From 1s to 110s.",
    ..NONE
};

pub(super) const TCP_USER_TIMEOUT: Key = Key {
    name: "limits.tcp_user_timeout",
    value_name: "TIME",
    takes: DURATION,
    default: "15s",
    doc: "Time sent bytes may stay unacknowledged before the kernel gives the connection up (`TCP_USER_TIMEOUT`). \
          From 1s to 1h.",
    ..NONE
};

pub(super) const TCP_KEEPALIVE: Key = Key {
    name: "limits.tcp_keepalive",
    value_name: "TIME",
    takes: DURATION,
    default: "10m",
    doc: "Silence after which the kernel probes the other end (`SO_KEEPALIVE`). From 1s to 9h.",
    ..NONE
};

pub(super) const MAILBOX_BYTES: Key = Key {
    name: "limits.mailbox_bytes",
    value_name: "SIZE",
    takes: "a number with its unit: 64KiB, 4MiB",
    default: "2MiB",
    doc: "Bytes of tunnel packets that may wait for one client; beyond it the oldest of the sender with most is \
          dropped. From 128KiB to 1GiB.",
    ..NONE
};

pub(super) const MAILBOX_AGE: Key = Key {
    name: "limits.mailbox_age",
    value_name: "TIME",
    takes: DURATION,
    default: "600ms",
    doc: "Time a packet may wait for one client before it is dropped as too old. From 10ms to 1m.",
    ..NONE
};

pub(super) const MEMORY: Key = Key {
    name: "limits.memory",
    value_name: "SIZE|auto",
    takes: "a number with its unit (64MiB, 1GiB), or auto",
    default: "auto",
    doc: "Memory for everything that waits, of all clients together: packets and frames for clients that do not take \
          them yet, and connections that are not clients yet. At the bound packets are dropped from whoever holds most, \
          new connections are refused, and log, metrics and `/readyz` say so (`memory`). `auto` is a quarter of the \
          machine's memory, or of what the control group may use if that is less. Idle clients need some KiB each beyond \
          it. From 16MiB.",
    ..NONE
};
