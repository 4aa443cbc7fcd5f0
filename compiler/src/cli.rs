//! The command line: what can be asked, and which function answers.

mod ablate;
mod adapt;
mod analyze;
mod arguments;
mod bench;
mod calibrate;
mod compile;
mod demo;
mod eval;
mod explain;
mod inspect;
mod model;
mod output;
mod table;
mod targets;
mod tune;

use crate::error::{Error, Result, Stage};
pub use arguments::{Cli, Command};
use clap::CommandFactory;
use std::fmt::Display;
use std::io::{ErrorKind, Write};

/// Does what was asked.
pub fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Compile(arguments) => compile::compile(&arguments),
        Command::Calibrate(arguments) => calibrate::calibrate(&arguments),
        Command::Inspect(arguments) => inspect::inspect(&arguments),
        Command::Eval(arguments) => eval::eval(&arguments),
        Command::Analyze(arguments) => analyze::analyze(&arguments),
        Command::Ablate(arguments) => ablate::ablate(&arguments),
        Command::Adapt(arguments) => adapt::adapt(&arguments),
        Command::Model(arguments) => model::model(&arguments),
        Command::Verify(arguments) => compile::verify(&arguments),
        Command::Bench(arguments) => bench::bench(&arguments),
        Command::Tune(arguments) => tune::tune(&arguments),
        Command::Targets(arguments) => targets::targets(&arguments),
        Command::Demo(arguments) => demo::demo(&arguments),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "bakelite", &mut script);
            line(String::from_utf8_lossy(&script))
        }
    }
}

/// Prints a value as JSON, for machines.
fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Error::new(Stage::Print, e.to_string()))?;
    line(text)
}

/// Prints a line. Who closes the pipe early, as `head` does, has read enough: that is no error.
///
/// # Errors
/// Where the line cannot be written, as on a full disk.
fn line(text: impl Display) -> Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(Error::new(Stage::Print, format!("cannot be written: {e}"))
            .at("standard output")
            .remedy("check that the disk has room, or send the output elsewhere")),
        _ => Ok(()),
    }
}

/// Prints a line on standard error; if nobody can read it there, there is no better place.
pub fn complain(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints what one should know, on standard error.
fn print_notes(notes: &[String]) {
    for note in notes {
        complain(format!("  · {note}"));
    }
}
