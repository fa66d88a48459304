//! What every process of the product needs, the edge and the services alike: settings from the environment, logs and traces,
//! and a signal to stop. Nothing here knows NATS, HTTP or SQL.

pub mod settings;
pub mod shutdown;
pub mod telemetry;

use std::{future::Future, process::ExitCode};

use configmgt_contract::{BoxError, chain};
use tracing::{error, info};

/// Runs a process from its first log line to its exit code.
///
/// A current-thread runtime: the processes do little work between two messages, and hops between threads would cost more
/// than a second core brings. More load is answered with more replicas.
pub fn run<F>(name: &'static str, body: impl FnOnce() -> F) -> ExitCode
where
    F: Future<Output = Result<(), BoxError>>,
{
    let telemetry = match telemetry::init(name) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("{name}: {error}");
            return ExitCode::FAILURE;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "no runtime");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(async { body().await });
    let code = match outcome {
        Ok(()) => {
            info!("stopped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            error!(error = chain(error.as_ref()), "cannot go on");
            ExitCode::FAILURE
        }
    };
    telemetry.flush();
    code
}
