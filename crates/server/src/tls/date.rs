//! Dates of certificates as logs and messages show them.

use x509_parser::time::ASN1Time;

/// `2026-11-24T09:28:35Z`, as RFC 3339 has it; certificates know nothing finer.
pub(super) fn rfc3339(at: &ASN1Time) -> String {
    let at = at.to_datetime();
    let (month, day) = (u8::from(at.month()), at.day());
    format!("{:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", at.year(), at.hour(), at.minute(), at.second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_shown_as_log_lines_show_theirs() {
        let at = |seconds| rfc3339(&ASN1Time::from_timestamp(seconds).unwrap());
        assert_eq!(at(1_764_004_115), "2025-11-24T17:08:35Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
    }
}
