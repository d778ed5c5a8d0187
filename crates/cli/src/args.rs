//! The command line.

use std::{ffi::OsString, path::PathBuf};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind};
use clap_complete::Shell;

use crate::{
    bench::BenchArgs, doctor::DoctorArgs, failure::Failure, help, map::MapCommands, netcheck::NetcheckArgs,
    output, ping::PingArgs, settings::SettingArgs, sift, status::StatusArgs, usage,
};

/// What was asked for.
#[derive(Debug)]
pub(crate) enum Command {
    /// Help or the version, printed already.
    Answered,
    Serve(SettingArgs),
    ConfigCheck {
        settings: SettingArgs,
        json: bool,
    },
    ConfigReference {
        metrics: bool,
    },
    Derper(Vec<String>),
    Status(StatusArgs),
    Ping(PingArgs),
    Netcheck(Box<NetcheckArgs>),
    Doctor(Box<DoctorArgs>),
    Map(MapCommands),
    Bench(Box<BenchArgs>),
    KeyNew {
        out: Option<PathBuf>,
    },
    KeyShow {
        file: PathBuf,
    },
    Completions(Shell),
}

/// A DERP relay and STUN server for Tailscale and Headscale networks.
#[derive(Debug, Parser)]
#[command(name = "wherry", version, arg_required_else_help = true, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Commands,
}

#[derive(Debug, Subcommand)]
enum Commands {
    /// Run the relay. `wherry serve --dev` needs nothing else
    #[command(after_help = SERVE_AFTER)]
    Serve {
        #[command(flatten)]
        settings: SettingArgs,
    },
    /// Look at the configuration without running anything
    #[command(subcommand)]
    Config(ConfigCommands),
    /// Run the relay with the flags of `derper`, which it replaces; a link named `derper` does the same
    #[command(disable_help_flag = true)]
    Derper {
        /// Flags of `derper`, with one dash or two; -help lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FLAGS")]
        flags: Vec<String>,
    },
    /// Show who is connected to a running relay, and how much they send
    Status(StatusArgs),
    Ping(PingArgs),
    Netcheck(Box<NetcheckArgs>),
    Doctor(Box<DoctorArgs>),
    /// Make and check the maps by which clients find relays
    #[command(subcommand)]
    Map(MapCommands),
    Bench(Box<BenchArgs>),
    /// Make and read node keys
    #[command(subcommand)]
    Key(KeyCommands),
    /// Print a script that completes commands in a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

const SERVE_AFTER: &str = "\
Each flag under Settings, Map and Limits is a key of the file and a variable too: --map-port is port in the table [map], and
WHERRY_MAP_PORT. `wherry config reference` prints all there is to say of each; `wherry config check` shows what they come to.

The map of this relay goes to stdout, the log to stderr.

Exit code: 0 stopped by SIGTERM or SIGINT, 1 it cannot start or go on, 64 the question was wrong, 78 the settings are.";

const CHECK_AFTER: &str = "\
Files that settings name are looked into as at a start; nothing is made or written.

Exit code: 0 the relay can start with this, 64 the question was wrong, 78 the settings are.";

#[derive(Debug, Subcommand)]
enum ConfigCommands {
    /// Check it and print each value and where it came from; takes the flags of serve
    #[command(after_help = CHECK_AFTER)]
    Check {
        /// TOML file with settings, as --config names it
        #[arg(value_name = "FILE", conflicts_with = "config")]
        file: Option<PathBuf>,
        #[command(flatten)]
        settings: SettingArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the reference page of all keys
    Reference {
        /// Print the one of all metrics instead
        #[arg(long)]
        metrics: bool,
    },
}

#[derive(Debug, Subcommand)]
enum KeyCommands {
    /// Make a private key
    New {
        /// File to write it to, mode 0600, in a folder that is there; its public key is printed then, else itself
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print the public key of a private key file, derper's JSON or a line privkey:HEX
    Show {
        /// File with the key
        file: PathBuf,
    },
}

/// The arguments of the process, the program's name first.
pub(crate) fn argv() -> Result<Vec<String>, Failure> {
    let text = |arg: OsString| {
        arg.into_string().map_err(|arg| Failure::Usage(format!("argument {arg:?} is not Unicode").into()))
    };
    std::env::args_os().map(text).collect()
}

/// Whether the program was started through a link named `derper`.
pub(crate) fn called_as_derper(argv: &[String]) -> bool {
    argv.first().is_some_and(|name| name.rsplit('/').next() == Some("derper"))
}

fn command() -> clap::Command {
    help::flowing(Cli::command())
}

/// Reads the command line; help and version are printed here.
pub(crate) fn parse(argv: Vec<String>) -> Result<Command, Failure> {
    let mut command = command();
    let (argv, unknown) = sift::sift(argv, &command);
    let matches = command.try_get_matches_from_mut(&argv);
    let cli = match matches.and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches)) {
        Ok(cli) => cli,
        Err(err) if matches!(err.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            output::print(&err.render().to_string())?;
            return Ok(Command::Answered);
        }
        Err(err) if err.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return Err(Failure::Help(err.render().to_string()));
        }
        Err(err) => {
            let mistake = usage::mistake(&err, &argv, &command);
            let lines: Vec<_> = unknown.iter().map(ToString::to_string).chain([mistake]).collect();
            return Err(Failure::Usage(lines.join("\n").into()));
        }
    };
    let marked = |settings: SettingArgs| settings.marked(unknown);
    Ok(match cli.command {
        Commands::Serve { settings } => Command::Serve(marked(settings)),
        Commands::Config(ConfigCommands::Check { file, settings, json }) => {
            Command::ConfigCheck { settings: marked(settings).with_file(file), json }
        }
        Commands::Config(ConfigCommands::Reference { metrics }) => Command::ConfigReference { metrics },
        Commands::Derper { flags } => Command::Derper(flags),
        Commands::Status(status) => Command::Status(status),
        Commands::Ping(args) => Command::Ping(args),
        Commands::Netcheck(args) => Command::Netcheck(args),
        Commands::Doctor(args) => Command::Doctor(args),
        Commands::Map(command) => Command::Map(command),
        Commands::Bench(args) => Command::Bench(args),
        Commands::Key(KeyCommands::New { out }) => Command::KeyNew { out },
        Commands::Key(KeyCommands::Show { file }) => Command::KeyShow { file },
        Commands::Completions { shell } => Command::Completions(shell),
    })
}

/// Prints a completion script.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "wherry", &mut script);
    Ok(output::print(&String::from_utf8_lossy(&script))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a command or a switch does begins with one of these; what a value is never does.
    const VERBS: [&str; 17] = [
        "Accept", "Allow", "Carry", "Check", "Convert", "Load", "Look", "Make", "Merge", "Print", "Relay",
        "Run", "Serve", "Show", "Take", "Test", "Use",
    ];

    fn is_order(help: Option<&clap::builder::StyledStr>) -> bool {
        let help = help.unwrap().to_string();
        VERBS.contains(&help.split_whitespace().next().unwrap())
    }

    fn judge(command: &clap::Command) {
        for below in command.get_subcommands() {
            assert!(is_order(below.get_about()), "{}: {:?}", below.get_name(), below.get_about());
            judge(below);
        }
        for arg in command.get_arguments() {
            let is_switch = !arg.get_action().takes_values() || arg.is_require_equals_set();
            assert_eq!(is_order(arg.get_help()), is_switch, "{}: {:?}", arg.get_id(), arg.get_help());
        }
    }

    #[test]
    fn commands_and_switches_are_orders_and_values_are_things() {
        judge(&Cli::command());
    }
}
