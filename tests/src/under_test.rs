//! A process of the product, for the tests: the first argument says which one.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let name = env::args().nth(1).unwrap_or_default();
    configmgt_launcher::process(&name).unwrap_or_else(|| {
        eprintln!("there is no process named '{name}'");
        ExitCode::FAILURE
    })
}
