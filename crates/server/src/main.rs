//! The binary `vitrine`.

use std::process::ExitCode;
use std::time::Duration;

use vitrine::cli::{Cli, run};

fn main() -> ExitCode {
    // The only provider compiled in; a second installation would be refused, and there is none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::read(std::env::args_os().collect::<Vec<_>>()).unwrap_or_else(|error| error.exit());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(vitrine::STACK)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error.into()),
    };
    let outcome = runtime.block_on(run(cli));
    // A blocking task that nobody waits for any more must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error),
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a command line that failed")]
fn complain(error: &anyhow::Error) -> ExitCode {
    eprintln!("vitrine: {error:#}");
    ExitCode::FAILURE
}
