//! The report for people: `wherry netcheck` has the headings and the words of `tailscale netcheck`, in their order.

/// Where the lines begin that only wherry has.
const OURS: &[&str] = &["* DERP nodes:", "* Missing figures:"];

/// What differs between the two reports, each line of one without its like in the other.
pub(super) fn differences(theirs: &str, ours: &str) -> Vec<String> {
    let (theirs, ours) = (shape(theirs), shape(ours));
    if theirs == ours {
        return Vec::new();
    }
    vec![format!("the words: tailscale says\n  {}\nwherry\n  {}", theirs.join("\n  "), ours.join("\n  "))]
}

/// The report's lines without what differs from one report to the next: times, latencies, ports, which of two regions as
/// near as each other is the home and stands first, and what one server alone says of the NAT.
fn shape(report: &str) -> Vec<String> {
    let lines = report.lines().skip_while(|line| *line != "Report:").map(str::trim_end);
    let lines = lines.take_while(|line| !OURS.contains(&line.trim_start()));
    let (mut regions, mut lines): (Vec<&str>, Vec<&str>) =
        lines.filter(|line| !line.is_empty()).partition(|line| line.starts_with("\t\t- "));
    let measured = regions.iter().filter(|line| !latency(line).is_empty()).count();
    if measured > 1 {
        lines.retain(|line| !line.starts_with("\t* Nearest DERP:"));
    }
    regions.sort_by_key(|line| line.split(':').next());
    let regions = regions.iter().map(|line| match latency(line) {
        "" => line.split_whitespace().collect::<Vec<_>>().join(" "),
        latency => line.replacen(latency, "…", 1).split_whitespace().collect::<Vec<_>>().join(" "),
    });
    lines.into_iter().map(|line| word(line, measured)).chain(regions).collect()
}

/// What stands between the region's code and its name.
fn latency(line: &str) -> &str {
    let rest = line.split_once(": ").map_or("", |(_, rest)| rest);
    rest.split_once('(').map_or("", |(latency, _)| latency.trim())
}

fn word(line: &str, measured: usize) -> String {
    let changing: &[&str] = match measured {
        2.. => &["\t* Time:"],
        _ => &["\t* Time:", "\t* MappingVariesByDestIP:"],
    };
    if let Some(heading) = changing.iter().find(|heading| line.starts_with(**heading)) {
        return (*heading).to_owned();
    }
    match line.split_once(": yes, ").zip(line.rsplit_once(':')) {
        Some((_, (without_port, _))) => without_port.to_owned(),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEIRS: &str = "\nReport:\n\t* Time: 2026-01-01T00:00:00Z\n\t* UDP: true\n\t* IPv4: yes, 192.0.2.1:4000\n\
                          \t* IPv6: no, but OS has support\n\t* MappingVariesByDestIP: \n\t* PortMapping: \n\t* Nearest DERP: One\n\t* DERP latency:\n\
                          \t\t- one: 300µs   (One)\n\t\t- two:         (Two)\n";

    #[test]
    fn times_ports_latencies_and_what_comes_below_are_no_difference() {
        let ours = THEIRS.replace("2026", "2027").replace(":4000", ":5000").replace("300µs  ", "1.2ms  ");
        let ours = ours + "\t* DERP nodes:\n\t\tnode  region\n";
        assert_eq!(differences(THEIRS, &ours), [""; 0]);
    }

    #[test]
    fn another_word_heading_or_region_is_a_difference() {
        for (word, other) in [
            ("UDP: true", "UDP: yes"),
            ("\t* PortMapping: \n", ""),
            ("* MappingVariesByDestIP:", "* MappingVaries:"),
            ("192.0.2.1:", "192.0.2.2:"),
            ("Nearest DERP: One", "Nearest DERP: Two"),
            ("300µs", "     "),
            ("(Two)", "(Three)"),
        ] {
            assert_eq!(differences(THEIRS, &THEIRS.replace(word, other)).len(), 1, "{word}");
        }
    }
}
