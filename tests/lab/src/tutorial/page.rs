//! The blocks of a page, and which of them are steps.

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

/// A fenced block, as printed.
#[derive(Debug, PartialEq, Eq)]
struct Block<'a> {
    info: &'a str,
    text: String,
}

/// The fence of a block.
const FENCE: &str = "```";

/// What stands in place of a machine where the lab cannot do it: it has neither the Internet nor the hours of a build.
const BY_HAND: &str = "by-hand";

/// The steps of a page, in order.
///
/// # Errors
/// A block says neither where it is done nor that it is done by hand.
pub(crate) fn steps(page: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    for Block { info, text } in blocks(page) {
        let mut words = info.split_whitespace().skip(1);
        match words.next() {
            None => return Err(format!("the block `{info}` does not say where it is done:\n{text}")),
            Some(BY_HAND) => {}
            Some(machine) => {
                let (machine, file) = (machine.to_owned(), words.next().map(str::to_owned));
                steps.push(Step { machine, file, text });
            }
        }
    }
    Ok(steps)
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let (mut blocks, mut lines) = (Vec::new(), page.lines());
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix(FENCE) else { continue };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != FENCE).collect();
        blocks.push(Block { info, text: body.join("\n") + "\n" });
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder;
    use std::fs;
    use std::path::PathBuf;

    #[test]
    fn a_block_with_a_machine_is_a_step_and_one_by_hand_is_not() {
        let page = "words\n```sh relay\none\ntwo\n```\n```sh by-hand\nnot this\n```\n```toml relay /etc/x\nk = 1\n```\n";
        let step = |file: Option<&str>, text: &str| Step {
            machine: "relay".to_owned(),
            file: file.map(str::to_owned),
            text: text.to_owned(),
        };
        assert_eq!(steps(page), Ok(vec![step(None, "one\ntwo\n"), step(Some("/etc/x"), "k = 1\n")]));
    }

    #[test]
    fn a_block_that_does_not_say_where_is_a_mistake() {
        let complaint = steps("```sh\nrm x\n```\n").unwrap_err();
        assert!(complaint.starts_with("the block `sh` does not say where"), "{complaint}");
    }

    #[test]
    fn both_languages_have_the_same_blocks() {
        let mut pages = 0;
        for (english, chinese) in pairs() {
            let text = |path: &PathBuf| fs::read_to_string(path).unwrap();
            let (one, other) = (text(&english), text(&chinese));
            assert_eq!(blocks(&one), blocks(&other), "{}", english.display());
            assert!(steps(&one).is_ok_and(|steps| !steps.is_empty()), "{}", english.display());
            pages += 1;
        }
        assert!(pages > 0, "no page in two languages");
    }

    /// The pages in English, each with the one in Chinese.
    fn pairs() -> Vec<(PathBuf, PathBuf)> {
        let dir = folder::root().join("docs").join("tutorials");
        let entries = fs::read_dir(&dir).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        let english =
            names.filter(|name| name.ends_with(".md") && !name.ends_with(".zh.md") && name != "README.md");
        let pair = |name: String| (dir.join(&name), dir.join(name.replace(".md", ".zh.md")));
        english.map(pair).collect()
    }
}
