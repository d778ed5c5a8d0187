//! The steps of a page.

/// One fenced block that is to be done somewhere.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// On which machine.
    pub(crate) machine: String,
    /// The file that the text is; none if it is commands.
    pub(crate) file: Option<String>,
    /// Commands or content, as printed.
    pub(crate) text: String,
}

/// The fence of a block.
const FENCE: &str = "```";

/// The steps of a page, in order.
pub(crate) fn steps(page: &str) -> Vec<Step> {
    let (mut steps, mut lines) = (Vec::new(), page.lines());
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix(FENCE) else { continue };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != FENCE).collect();
        let mut words = info.split_whitespace().skip(1);
        if let Some(machine) = words.next() {
            let (machine, file) = (machine.to_owned(), words.next().map(str::to_owned));
            steps.push(Step { machine, file, text: body.join("\n") + "\n" });
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder;
    use std::fs;

    #[test]
    fn a_block_with_a_machine_is_a_step_and_one_without_is_not() {
        let page =
            "words\n```sh relay\none\ntwo\n```\n```sh\nnot this\n```\n```toml relay /etc/x\nk = 1\n```\n";
        let step = |file: Option<&str>, text: &str| Step {
            machine: "relay".to_owned(),
            file: file.map(str::to_owned),
            text: text.to_owned(),
        };
        assert_eq!(steps(page), [step(None, "one\ntwo\n"), step(Some("/etc/x"), "k = 1\n")]);
    }

    #[test]
    fn both_languages_have_the_same_steps() {
        let dir = folder::root().join("docs").join("tutorials");
        let mut pages = 0;
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let Some(stem) = name.strip_suffix(".zh.md") else { continue };
            let english = fs::read_to_string(dir.join(format!("{stem}.md"))).unwrap();
            let chinese = fs::read_to_string(&path).unwrap();
            assert_eq!(steps(&english), steps(&chinese), "{stem}");
            pages += 1;
        }
        assert!(pages > 0, "{} has no page in two languages", dir.display());
    }
}
