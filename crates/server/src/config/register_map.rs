//! The keys of the map that the relay serves.

use super::key::{DURATION, Key, NONE, Shape};

pub(super) const MAP_SERVE: Key = Key {
    name: "map.serve",
    shape: Shape::Switch,
    value_name: "BOOL",
    takes: "true or false",
    default: "true",
    doc: "Serve a DERP map at `/derpmap.json` on every relay listener, for `derp.urls` of Headscale: this relay's own \
          entry, pin included, and what `map.include` names. It tells whoever reaches the relay no more of it than its \
          own listeners do, and of the others what the included maps say. The own entry needs `hostname`, and a \
          TLS listener or `map.port`. Headscale fetches nothing from a server with a self-signed certificate that its host \
          does not know: make it known there, give Headscale the file that `wherry map entry` prints, or, on one host with \
          the relay, `http://127.0.0.1:8080/derpmap.json` of a second listener, `plain:127.0.0.1:8080`. Until each included \
          map was read once, before a restart perhaps, the answer is 503, so that no reader takes a part for the whole.",
    ..NONE
};

pub(super) const MAP_ID: Key = Key {
    name: "map.region_id",
    value_name: "ID",
    takes: "1 to 65535; 900 to 999 are those that Tailscale leaves to users",
    default: "900",
    doc: "Number of the region of this relay, in the printed and the served map.",
    ..NONE
};

pub(super) const MAP_CODE: Key = Key {
    name: "map.region_code",
    value_name: "CODE",
    takes: "a short word, such as nyc",
    default: "wherry",
    doc: "Code of the region of this relay, which `tailscale status` shows.",
    ..NONE
};

pub(super) const MAP_NAME: Key = Key {
    name: "map.region_name",
    value_name: "NAME",
    takes: "a name for people, such as New York City",
    default: "Wherry",
    doc: "Name of the region of this relay for people, which `tailscale netcheck` shows.",
    ..NONE
};

pub(super) const MAP_NODE: Key = Key {
    name: "map.node_name",
    value_name: "NAME",
    takes: "a word that no other node of the map has, or auto",
    default: "auto",
    doc: "Name of this relay's node in the map. `auto` is the region's number and `a`; a second relay of one region \
          needs another one.",
    ..NONE
};

pub(super) const MAP_IPV4: Key = Key {
    name: "map.ipv4",
    value_name: "IP|none|auto",
    takes: "an IPv4 address without port, none, or auto",
    default: "auto",
    doc: "IPv4 address of this relay in the map. `auto` is the first `hostname` if that is one, and nothing if it is a name, \
          which clients look up; `none` says that there is no way by IPv4. Clients look for captive portals only where \
          there is an address.",
    ..NONE
};

pub(super) const MAP_IPV6: Key = Key {
    name: "map.ipv6",
    value_name: "IP|none|auto",
    takes: "an IPv6 address without port, none, or auto",
    default: "auto",
    doc: "IPv6 address of this relay in the map, as `map.ipv4`. A relay at a bare IPv4 address that has IPv6 too says so \
          here; otherwise clients with IPv6 alone do not find it.",
    ..NONE
};

pub(super) const MAP_PORT: Key = Key {
    name: "map.port",
    value_name: "PORT|auto",
    takes: "1 to 65535, or auto",
    default: "auto",
    doc: "TCP port in the map, where a router, a container or a proxy publishes another one than the relay listens on. \
          `auto` is the port of the first TLS listener. With this key there is an entry without a TLS listener, too: \
          where a proxy speaks TLS, its certificate must be good for the first `hostname`.",
    ..NONE
};

pub(super) const MAP_STUN_PORT: Key = Key {
    name: "map.stun_port",
    value_name: "PORT|auto",
    takes: "1 to 65535, or auto",
    default: "auto",
    doc: "UDP port of STUN in the map, where another one is published than the relay answers on. `auto` is the port of the \
          first `stun` address. With `stun` off the map says that there is none, whatever this says.",
    ..NONE
};

pub(super) const MAP_INCLUDE: Key = Key {
    name: "map.include",
    shape: Shape::Many,
    value_name: "FILE|URL",
    takes: "a file, or an https:// or http:// URL, of a map in JSON or YAML",
    doc: "Map to serve together with the own entry; several are allowed, and of a region in two the last counts. The own \
          node joins the region with its number if there is one. Files are read again when they change, URLs every \
          `map.refresh`. A map that cannot be read, or in which `wherry map check` finds an error, changes nothing: what \
          it was before is served, and log and `/readyz` name the mistake with its place; so it is if all together have \
          one, such as two nodes of one name, or if nobody in the whole relays. What was read last is kept in `state` and served after a restart until it \
          is read again, so the relay starts without a file that it has read before, and says that it is missing. \
          Tailscale's own is `https://controlplane.tailscale.com/derpmap/default`. A server of a private authority, or a \
          relay with a self-signed certificate, is believed if `SSL_CERT_FILE` in the environment names a file with that \
          certificate. Relays may include each other's served map, or their own, and have it whole some minutes \
          after the last of them has started at the latest, but never forget a node then: better include files, or a map that a \
          third party serves.",
    ..NONE
};

pub(super) const MAP_WITHOUT: Key = Key {
    name: "map.without",
    shape: Shape::Many,
    value_name: "ID|CODE",
    takes: "the number or the code of a region",
    doc: "Region to leave out of the included maps. Several are allowed.",
    ..NONE
};

pub(super) const MAP_REFRESH: Key = Key {
    name: "map.refresh",
    value_name: "TIME",
    takes: DURATION,
    default: "1h",
    doc: "Time after which included URLs are read again; after a failure it is a minute at most. `SIGHUP` reads them at \
          once. From 10s to 7d.",
    ..NONE
};
