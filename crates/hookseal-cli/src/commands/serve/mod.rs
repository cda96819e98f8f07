//! `hookseal serve`: the server, from its settings to its end.

mod service;
mod signals;

use std::{
    io::{self, IsTerminal},
    num::NonZero,
};

use tokio::runtime::Runtime;
use tracing_subscriber::EnvFilter;

pub(crate) use service::{Service, ServiceError};
pub(crate) use signals::Signals;

use crate::{
    config::{Config, ConfigProblems, LogFormat, ServeArgs},
    error::{CommandError, Status},
    limits,
    output::{self, OutputError},
    ports::ProcessEnvironment,
};

/// Why the server did not start, or did not end as it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ServeError {
    /// Settings are not right.
    #[error(transparent)]
    Config(#[from] ConfigProblems),
    /// Threads or signals could not be had.
    #[error("the process cannot be set up")]
    Process(#[source] io::Error),
    /// It did not start.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// It could not say where it listens.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// It did not stop in time; what was not recorded is attempted again at the next start.
    #[error("stopping took longer than {} s", limits::STOP.as_secs())]
    Stop,
}

impl ServeError {
    /// What the process ends with.
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Config(_) => Status::Usage,
            Self::Service(error) if error.is_about_settings() => Status::Usage,
            _ => Status::Bad,
        }
    }
}

pub(crate) fn run(arguments: &ServeArgs) -> Result<Status, CommandError> {
    let config = Config::resolve(arguments, &ProcessEnvironment).map_err(ServeError::Config)?;
    log_to_stderr(&config.log, config.log_format);
    let runtime = runtime().map_err(ServeError::Process)?;
    let status = runtime.block_on(serve(&config));
    // What is left by now was cut off on purpose.
    runtime.shutdown_background();
    Ok(status?)
}

async fn serve(config: &Config) -> Result<Status, ServeError> {
    let mut signals = Signals::install().map_err(ServeError::Process)?;
    let mut service = tokio::select! {
        started = Service::start(config) => started?,
        // Nothing was taken on yet.
        _ = signals.next() => return Ok(Status::Good),
    };
    announce(config, &service)?;
    tokio::select! {
        error = service.failure() => return Err(error.into()),
        _ = signals.next() => tracing::info!("stopping; a second signal ends it at once"),
    }
    tokio::select! {
        stopped = tokio::time::timeout(limits::STOP, service.stop()) => match stopped {
            Ok(()) => Ok(Status::Good),
            Err(_) => Err(ServeError::Stop),
        },
        number = signals.next() => Ok(Status::Signalled(number)),
    }
}

fn announce(config: &Config, service: &Service) -> Result<(), OutputError> {
    let directory = std::path::absolute(&config.data).unwrap_or_else(|_| config.data.clone());
    output::line(format_args!(
        "hookseal {} listening on http://{}",
        env!("CARGO_PKG_VERSION"),
        service.address()
    ))?;
    output::line(format_args!("data directory {}", directory.display()))?;
    match service.new_operator_key() {
        Some(key) => output::line(format_args!("operator key (shown this once): {key}")),
        None => Ok(()),
    }
}

/// A runtime with as many workers as this process has cores: pinned to one core, it has one.
pub(crate) fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(std::thread::available_parallelism().map_or(1, NonZero::get))
        .max_blocking_threads(limits::BLOCKING_THREADS_MAX)
        .thread_name("hookseal-worker")
        .enable_all()
        .build()
}

/// Sends the log to standard error; standard output is for results. The filter was checked with the settings.
pub(crate) fn log_to_stderr(filter: &str, format: LogFormat) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}
