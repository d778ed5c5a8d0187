//! Waiting for a condition, with a deadline that says what was waited for.

use crate::stop;
use std::time::{Duration, Instant};

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks until `look` finds something.
///
/// # Errors
/// Nothing was found in time; names `what`. An error of `look` ends the wait at once, as does the end of the lab.
#[expect(clippy::disallowed_methods, reason = "the pause between two looks at another program")]
pub(crate) fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<Option<T>, String>,
) -> Result<T, String> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        stop::go_on()?;
        if start.elapsed() > limit {
            return Err(format!("waited {} s for {what}", limit.as_secs()));
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_in_vain_names_what_it_waited_for() {
        let result = until("rain", Duration::ZERO, || Ok(None::<()>));
        assert_eq!(result, Err("waited 0 s for rain".to_owned()));
    }
}
