//! What a template, a merge or the page that a text was copied from has left in it.

use super::signs::Sign;
use crate::map::finding::At;

/// The first mark of a merge that nobody has resolved, if such a part begins and ends.
pub(in crate::map) fn conflict(text: &str) -> Option<Sign> {
    let line_of =
        |mark: &str| text.lines().zip(1..).find(|(line, _)| line.starts_with(mark)).map(|(_, number)| number);
    let (begin, end) = (line_of("<<<<<<< ")?, line_of(">>>>>>> ")?);
    (begin < end).then(|| Sign {
        at: At { line: begin, column: 1 },
        found: format!("a merge stopped here with a conflict, which goes on to line {end}"),
        expected: "a map whose parts were brought together",
        cure: "keep one of the two parts, or both, and remove the lines that begin with <<<<<<<, ======= and >>>>>>>"
            .to_owned(),
    })
}

/// What stands in the way of a syntax error.
pub(in crate::map) fn leftover(text: &str, err: At) -> Option<Sign> {
    let at = |column| At { line: err.line, column };
    let line = text.lines().nth(err.line.saturating_sub(1)).unwrap_or_default();
    if line.trim_start().starts_with("```") {
        return Some(Sign {
            at: at(1),
            found: "a fence of Markdown (```) stands here".to_owned(),
            expected: "the text between the fences alone",
            cure: "remove this line, and the fence at the end".to_owned(),
        });
    }
    let (byte, placeholder) = TEMPLATES.iter().filter_map(|pair| of_template(line, *pair)).min()?;
    Some(Sign {
        at: at(line.get(..byte)?.chars().count() + 1),
        found: format!("{placeholder:?} stands here, a placeholder of a template"),
        expected: "what the template makes of it",
        cure: "write the value for it, or let its program fill in the template".to_owned(),
    })
}

/// The first placeholder of this kind, and where it begins; quotes are of two braces of JSON.
fn of_template<'t>(line: &'t str, (begin, end): (&str, &str)) -> Option<(usize, &'t str)> {
    let at = line.find(begin)?;
    let rest = line.get(at..)?;
    let placeholder = rest.get(..rest.find(end)? + end.len())?;
    (!placeholder.contains('"')).then_some((at, placeholder))
}

/// What begins and ends a placeholder in the usual templates.
const TEMPLATES: [(&str, &str); 4] = [("{{", "}}"), ("${", "}"), ("<%", "%>"), ("$(", ")")];

/// What placeholders in capitals are called by: `SERVER_IP`.
const NAMES: [&str; 6] = ["IP", "ADDR", "PORT", "HOST", "DOMAIN", "YOUR"];

/// Whether a value is of an example, for its reader to write another.
pub(in crate::map) fn is_placeholder(value: &str) -> bool {
    let has = |(begin, end): (&str, &str)| {
        value.find(begin).is_some_and(|at| value.get(at..).is_some_and(|rest| rest.contains(end)))
    };
    let is_x = |part: &str| !part.is_empty() && part.bytes().all(|byte| b"xX*".contains(&byte));
    let is_octet = |part: &str| part.parse::<u8>().is_ok() || is_x(part);
    let parts = || value.split(['.', ':']);
    let is_address = parts().count() == 4 && parts().all(is_octet) && parts().any(is_x);
    let is_upper = value.bytes().all(|byte| byte.is_ascii_uppercase() || b"_-".contains(&byte));
    let is_name = is_upper && NAMES.iter().any(|name| value.contains(name));
    has(("<", ">")) || TEMPLATES.into_iter().any(has) || is_address || is_name || is_yours(value)
}

/// Whether a part of a name is somebody's: `your-domain.com`, `your.domain.name`.
fn is_yours(name: &str) -> bool {
    let words = ["domain", "derp", "host", "ip", "name", "relay", "server", "vps"];
    name.to_ascii_lowercase().split('.').any(|label| {
        label.strip_prefix("your").is_some_and(|rest| {
            rest.is_empty() || rest.starts_with(['-', '_']) || words.iter().any(|word| rest.starts_with(word))
        })
    })
}
