//! How Go's `encoding/json` compares the names of fields: the same under Unicode simple folding.
//!
//! What lives here: that comparison, for all JSON this crate reads. It may use nothing.
//! What must stay true: an ASCII name equals exactly what Go says it equals.

/// Whether a written name means an ASCII `known` one.
pub(crate) fn same_name(written: &str, known: &str) -> bool {
    written.chars().map(fold).eq(known.chars().map(fold))
}

/// Lower case, and the two characters beyond ASCII that fold into it.
fn fold(character: char) -> char {
    match character {
        '\u{17f}' => 's',  // long s
        '\u{212a}' => 'k', // Kelvin sign
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_the_two_odd_letters_do_not_matter() {
        for written in ["meshKey", "MESHKEY", "meshkey", "me\u{17f}hKey", "mesh\u{212a}ey"] {
            assert!(same_name(written, "meshKey"), "{written}");
        }
        for written in ["mesh_key", "meshKey ", "meshKe", "méshKey", ""] {
            assert!(!same_name(written, "meshKey"), "{written}");
        }
        assert!(!same_name("vers\u{131}on", "version"), "dotless i");
    }
}
