//! The process of the edge.

use std::process::ExitCode;

fn main() -> ExitCode {
    configmgt_edge::main()
}
