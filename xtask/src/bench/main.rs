//! The benchmark: wherry beside the reference relay, on the same machine in the same run.
//!
//! Started by `cargo xtask bench`. The load is that of `wherry bench`; the relay has one core, the load another; relays
//! take turns load by load and round by round. `load` has the loads, `row` the figures and what is aimed at, `page` writes
//! what is left, `method.md` says how to read it.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the person who started it")]

mod copy;
mod distance;
mod load;
mod number;
mod page;
mod plots;
mod results;
mod row;
mod sample;
mod subject;
mod table;
mod turns;
mod wish;

use std::io;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        // The two halves of the plain copy; this program starts them itself.
        ["copy", addr] => copy::copy(addr),
        ["copy-load", addr, pid, milliseconds] => {
            copy::load(addr, pid, milliseconds).map(|report| println!("{report}"))
        }
        words => match measure(words) {
            Ok(true) => Ok(()),
            Ok(false) => {
                eprintln!("{}", wish::usage());
                return ExitCode::from(64);
            }
            Err(err) => Err(err),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("bench: {err}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the words made sense.
fn measure(words: &[&str]) -> io::Result<bool> {
    let Some(root) = Path::new(env!("CARGO_MANIFEST_DIR")).parent() else { return Ok(false) };
    let Some(wish) = wish::wish(root, std::env::current_exe()?, words) else { return Ok(false) };
    let turns = turns::take(&wish)?;
    println!("{}", table::figures(&turns.results));
    for doubt in turns.results.doubts() {
        println!("no result: {doubt}");
    }
    if let Some(out) = wish.out {
        page::write(root, &out, &turns)?;
    }
    Ok(true)
}
