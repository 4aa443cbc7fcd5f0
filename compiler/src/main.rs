//! The command line program: parses, runs, reports errors.

use bakelite::cli::{self, Cli};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    bakelite::interrupt::install();
    match cli::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cli::complain(format!("{:?}", miette::Report::new(error)));
            ExitCode::FAILURE
        }
    }
}
