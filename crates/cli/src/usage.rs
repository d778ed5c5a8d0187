//! Mistakes on the command line, in the words of this program: one line each, with what to do.

use std::num::ParseIntError;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

/// What is wrong, as one line.
pub(crate) fn mistake(err: &Error, argv: &[String], cli: &Command) -> String {
    let text = |kind| text(err, kind);
    let (path, command) = path(argv, cli);
    let list = || format!("`{path} --help` lists those there are");
    match (err.kind(), text(ContextKind::InvalidArg), text(ContextKind::InvalidSubcommand)) {
        (ErrorKind::UnknownArgument, Some(given), _) if given.starts_with('-') => {
            let remedy = text(ContextKind::SuggestedArg).map_or_else(list, |near| did_you_mean(&near));
            format!("unknown flag {given}; {remedy}")
        }
        (ErrorKind::UnknownArgument, Some(given), _) if path == "wherry status" => {
            format!("{given:?} needs its flag: {path} --admin {given}")
        }
        (ErrorKind::UnknownArgument, Some(given), _) => match switch_before(&given, argv, command) {
            Some(switch) => format!("{given:?} needs an equals sign: {switch}={given}"),
            None => format!("{given:?} is one word too many; {}", usage(err, &path)),
        },
        (ErrorKind::InvalidSubcommand, _, Some(given)) => {
            let near =
                || text(ContextKind::SuggestedSubcommand).map_or_else(list, |near| did_you_mean(&near));
            let remedy = below(&given, command).map_or_else(near, |two| did_you_mean(&two));
            format!("there is no command {given:?}; {remedy}")
        }
        (ErrorKind::MissingRequiredArgument, ..) => {
            let missing = match err.get(ContextKind::InvalidArg) {
                Some(ContextValue::Strings(missing)) => missing.join(", "),
                _ => "an argument".to_owned(),
            };
            format!("missing: {missing}; {}", usage(err, &path))
        }
        (ErrorKind::InvalidValue | ErrorKind::ValueValidation, Some(arg), _) => bad_value(err, &arg),
        (ErrorKind::ArgumentConflict, Some(arg), _) => match text(ContextKind::PriorArg) {
            Some(other) if other != arg => format!("{arg} and {other} exclude each other"),
            _ => format!("{arg} is given twice; once is enough"),
        },
        _ => first_words(err),
    }
}

/// One part of what the parser says.
fn text(err: &Error, kind: ContextKind) -> Option<String> {
    match err.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        // Suggestions stand with the nearest last.
        ContextValue::Strings(texts) => texts.last().cloned(),
        _ => None,
    }
}

/// What is wrong with the value of `arg`, and what is allowed.
fn bad_value(err: &Error, arg: &str) -> String {
    let allowed = match err.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => {
            format!("; allowed: {}", values.join(", "))
        }
        _ => String::new(),
    };
    let Some(given) = text(err, ContextKind::InvalidValue).filter(|given| !given.is_empty()) else {
        return format!("{arg}: a value is missing{allowed}");
    };
    let cause = match std::error::Error::source(err) {
        Some(cause) if cause.is::<ParseIntError>() => ": it is no whole number".to_owned(),
        Some(cause) => format!(": {cause}"),
        None => String::new(),
    };
    let near = text(err, ContextKind::SuggestedValue).map(|near| format!("; {}", did_you_mean(&near)));
    format!("{arg}: {given:?} is not allowed{cause}{}{allowed}", near.unwrap_or_default())
}

/// The switch that stands before a word, if its value takes an equals sign.
fn switch_before<'a>(word: &str, argv: &'a [String], command: &Command) -> Option<&'a str> {
    let before = argv.iter().zip(argv.iter().skip(1)).find(|(_, next)| *next == word)?.0;
    let long = before.strip_prefix("--")?;
    let flag = command.get_arguments().find(|arg| arg.get_long() == Some(long))?;
    flag.is_require_equals_set().then_some(before.as_str())
}

/// The commands of commands that have this name, such as `config check`.
fn below(name: &str, command: &Command) -> Option<String> {
    let is_it = |one: &&Command| one.get_subcommands().any(|below| below.get_name() == name);
    let found: Vec<_> =
        command.get_subcommands().filter(is_it).map(|one| format!("{} {name}", one.get_name())).collect();
    (!found.is_empty()).then(|| found.join(" or "))
}

fn did_you_mean(suggestion: &str) -> String {
    format!("did you mean {suggestion}?")
}

/// The program and the command that the words lead to.
fn path<'c>(argv: &[String], cli: &'c Command) -> (String, &'c Command) {
    let (mut path, mut command) = (vec![cli.get_name()], cli);
    for word in argv.iter().skip(1) {
        let Some(below) = command.find_subcommand(word) else { break };
        command = below;
        path.push(below.get_name());
    }
    (path.join(" "), command)
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
        let count = Arg::new("count").long("count").value_name("N").conflicts_with("open");
        let count = count.value_parser(clap::value_parser!(u8).range(1..=5));
        let open = Arg::new("open").long("open").value_name("BOOL").num_args(0..=1).require_equals(true);
        let shell = Arg::new("shell").value_parser(["bash", "zsh"]).required(true);
        let cli = Command::new("wherry")
            .subcommand(Command::new("serve").arg(open.clone()))
            .subcommand(Command::new("status").args([admin, count, open]))
            .subcommands(["netcheck", "bench", "ping", "config"].map(Command::new))
            .subcommand(Command::new("map").subcommand(Command::new("check")))
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
            ("check", "there is no command \"check\"; did you mean map check?"),
            ("x", "there is no command \"x\"; `wherry --help` lists those there are"),
            ("completions", "missing: <shell>; usage: wherry completions <shell>"),
            ("completions zsh now", "\"now\" is one word too many; usage: wherry completions <shell>"),
            ("completions whatever", "<shell>: \"whatever\" is not allowed; allowed: bash, zsh"),
            ("completions bsh", "<shell>: \"bsh\" is not allowed; did you mean bash?; allowed: bash, zsh"),
            ("status --admin", "--admin <URL>: a value is missing"),
            ("status --admin x --admin y", "--admin <URL> is given twice; once is enough"),
            ("status --count x", "--count <N>: \"x\" is not allowed: it is no whole number"),
            ("status --count 9", "--count <N>: \"9\" is not allowed: 9 is not in 1..=5"),
            ("status --count 1 --open", "--count <N> and --open[=<BOOL>] exclude each other"),
            ("serve --open no", "\"no\" needs an equals sign: --open=no"),
        ] {
            assert_eq!(said(words), expected);
        }
    }
}
