//! The scenarios: what must be true of wherry for the people who use it, each shown with real clients.

mod admission;
mod authority;
mod blocked;
mod certificates;
mod direct;
mod doctor;
mod families;
mod list;
mod netcheck;
mod regions;
mod relayed;
mod restart;
mod routers;
mod served_map;
mod tutorials;
mod update;
mod verdict;
mod wording;

pub(crate) use list::{SCENARIOS, Scenario, chosen, list};
