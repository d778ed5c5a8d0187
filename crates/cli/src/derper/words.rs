//! What the relay says of its settings, in the flags of `derper`.

use crate::failure::Failure;

/// A remedy as the relay has it, and as `derper` does.
const REMEDIES: [(&str, &str); 6] = [
    ("choose another: --listen plain:", "choose another: -a "),
    ("choose another: --listen ", "choose another: -a "),
    ("do without: --http off", "do without: -http-port -1"),
    ("do without: --stun off", "do without: -stun=false"),
    ("another place with --state or --key-file", "another place with -c"),
    ("--state chooses another", "-certdir chooses another"),
];

/// The failure with remedies that this command line takes.
pub(super) fn translated(failure: Failure) -> Failure {
    let in_derpers =
        |text: String| REMEDIES.iter().fold(text, |text, (ours, derpers)| text.replace(ours, derpers)).into();
    match failure {
        Failure::Config(err) => Failure::Config(in_derpers(err.to_string())),
        Failure::Other(err) => Failure::Other(in_derpers(err.to_string())),
        failure => failure,
    }
}
