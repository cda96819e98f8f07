//! What the examples have in common: settings from the environment, and a server.

use std::error::Error;

use axum::Router;
use hookseal::Secret;
use tokio::net::TcpListener;

/// The secret in this environment variable.
pub(crate) fn secret(name: &str) -> Result<Secret, String> {
    setting(name).map(Secret::new).ok_or_else(|| format!("set {name} to the secret of the webhook"))
}

/// The value of an environment variable, where it has one.
#[expect(clippy::disallowed_methods, reason = "an example has nothing but the environment for its settings")]
pub(crate) fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Serves until the process is stopped, at the address in `LISTEN`, and says where. Lines of the log go to standard
/// error.
#[expect(clippy::print_stdout, reason = "whoever starts an example is told where it listens")]
pub(crate) async fn serve(app: Router) -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let address = setting("LISTEN").unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
