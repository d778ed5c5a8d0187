//! Mistakes on the command line, in the words of this program: one line each, with what to do.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

/// What is wrong, as one line.
pub(crate) fn mistake(err: &Error, argv: &[String], cli: &Command) -> String {
    let text = |kind| match err.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        // Suggestions stand with the nearest last.
        Some(ContextValue::Strings(texts)) => texts.last().cloned(),
        _ => None,
    };
    let path = path(argv, cli);
    let list = || format!("`{path} --help` lists those there are");
    match (err.kind(), text(ContextKind::InvalidArg), text(ContextKind::InvalidSubcommand)) {
        (ErrorKind::UnknownArgument, Some(given), _) if given.starts_with('-') => {
            let remedy = text(ContextKind::SuggestedArg).map_or_else(list, |near| did_you_mean(&near));
            format!("unknown flag {given}; {remedy}")
        }
        (ErrorKind::UnknownArgument, Some(given), _) if path == "wherry status" => {
            format!("{given:?} needs its flag: {path} --admin {given}")
        }
        (ErrorKind::UnknownArgument, Some(given), _) => {
            format!("{given:?} is one word too many; {}", usage(err, &path))
        }
        (ErrorKind::InvalidSubcommand, _, Some(given)) => {
            let remedy = text(ContextKind::SuggestedSubcommand).map_or_else(list, |near| did_you_mean(&near));
            format!("there is no command {given:?}; {remedy}")
        }
        (ErrorKind::MissingRequiredArgument, ..) => {
            let missing = match err.get(ContextKind::InvalidArg) {
                Some(ContextValue::Strings(missing)) => missing.join(", "),
                _ => "an argument".to_owned(),
            };
            format!("missing: {missing}; {}", usage(err, &path))
        }
        _ => first_words(err),
    }
}

fn did_you_mean(suggestion: &str) -> String {
    format!("did you mean {suggestion}?")
}

/// The program and the command that the words lead to.
fn path(argv: &[String], cli: &Command) -> String {
    let (mut path, mut command) = (vec![cli.get_name()], cli);
    for word in argv.iter().skip(1) {
        let Some(below) = command.find_subcommand(word) else { break };
        command = below;
        path.push(below.get_name());
    }
    path.join(" ")
}

/// How the command is used, as the parser has it.
fn usage(err: &Error, path: &str) -> String {
    let line = match err.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(line)) => line.to_string(),
        _ => path.to_owned(),
    };
    format!("usage: {}", line.trim_start_matches("Usage:").trim())
}

/// The parser's own words, without usage and where to read on.
fn first_words(err: &Error) -> String {
    let text = err.render().to_string();
    let lines = text.strip_prefix("error: ").unwrap_or(&text).lines().map(str::trim);
    let is_said = |line: &&str| {
        !line.is_empty() && !line.starts_with("Usage:") && !line.starts_with("For more information")
    };
    lines.filter(is_said).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    fn said(words: &str) -> String {
        let admin = Arg::new("admin").long("admin").value_name("URL");
        let shell = Arg::new("shell").value_parser(["bash", "zsh"]).required(true);
        let cli = Command::new("wherry")
            .subcommand(Command::new("status").arg(admin))
            .subcommands(["netcheck", "bench", "ping", "config"].map(Command::new))
            .subcommand(Command::new("completions").arg(shell));
        let argv: Vec<String> = ["wherry"].into_iter().chain(words.split(' ')).map(str::to_owned).collect();
        mistake(&cli.clone().try_get_matches_from(&argv).unwrap_err(), &argv, &cli)
    }

    #[test]
    fn a_mistake_is_one_line_with_what_to_do() {
        for (words, expected) in [
            ("status --adnim x", "unknown flag --adnim; did you mean --admin?"),
            ("status --quick", "unknown flag --quick; `wherry status --help` lists those there are"),
            (
                "status http://127.0.0.1:1",
                "\"http://127.0.0.1:1\" needs its flag: wherry status --admin http://127.0.0.1:1",
            ),
            ("statsu", "there is no command \"statsu\"; did you mean status?"),
            ("netchek", "there is no command \"netchek\"; did you mean netcheck?"),
            ("bnech", "there is no command \"bnech\"; did you mean bench?"),
            ("x", "there is no command \"x\"; `wherry --help` lists those there are"),
            ("completions", "missing: <shell>; usage: wherry completions <shell>"),
            ("completions zsh now", "\"now\" is one word too many; usage: wherry completions <shell>"),
            ("completions whatever", "invalid value 'whatever' for '<shell>'; [possible values: bash, zsh]"),
        ] {
            assert_eq!(said(words), expected);
        }
    }
}
