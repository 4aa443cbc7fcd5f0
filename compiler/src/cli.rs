//! The command line: what can be asked, and which function answers.

mod arguments;
mod bench;
mod calibrate;
mod compile;
mod demo;
mod eval;
mod inspect;
mod table;
mod targets;

use crate::error::Result;
pub use arguments::{Cli, Command};
use clap::CommandFactory;

/// Does what was asked.
pub fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Compile(arguments) => compile::compile(&arguments),
        Command::Calibrate(arguments) => calibrate::calibrate(&arguments),
        Command::Inspect(arguments) => inspect::inspect(&arguments),
        Command::Eval(arguments) => eval::eval(&arguments),
        Command::Verify(arguments) => compile::verify(&arguments),
        Command::Bench(arguments) => bench::bench(&arguments),
        Command::Targets(arguments) => targets::targets(&arguments),
        Command::Demo(arguments) => demo::demo(&arguments),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "bakelite", &mut std::io::stdout());
            Ok(())
        }
    }
}

/// Prints a value as JSON, for machines.
fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| crate::error::Error::new(crate::error::Stage::Arguments, e.to_string()))?;
    println!("{text}");
    Ok(())
}

/// Prints what one should know, on standard error.
fn print_notes(notes: &[String]) {
    for note in notes {
        eprintln!("  · {note}");
    }
}
