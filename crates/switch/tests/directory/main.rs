//! The switch from outside: joins, leaves, duplicates, watchers, forwarders and notices, and all of them at random.

#[cfg(test)]
mod departures;
#[cfg(test)]
mod duplicates;
#[cfg(test)]
mod forwarders;
#[cfg(test)]
mod homes;
#[cfg(test)]
mod lookups;
#[cfg(test)]
mod model;
#[cfg(test)]
mod random;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod watchers;
