//! What can be written on the command line. What it means is told by [`inputs`](crate::inputs) and by each command.
//!
//! Nothing here that may hold a secret has a `Debug`.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::ServeArgs;

/// Send, sign, verify and receive webhooks of any format.
#[derive(Parser)]
#[command(name = "hookseal", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print the headers that sign a body.
    #[command(after_help = EXIT_STATUS_SIGN)]
    Sign(SignArgs),
    /// Verify a request.
    #[command(after_help = EXIT_STATUS_VERIFY)]
    Verify(VerifyArgs),
    /// Find the scheme of captured requests, and print it as a profile.
    #[command(after_help = EXIT_STATUS_INFER)]
    Infer(InferArgs),
    /// List the profiles, or show one.
    Profiles(ProfilesArgs),
    /// Run a file of known-answer vectors.
    #[command(after_help = EXIT_STATUS_VECTORS)]
    Vectors(VectorsArgs),
    /// Run the server: take events in over HTTP, and deliver them.
    Serve(ServeArgs),
    /// Receive webhooks for development: verify each and print what came of it.
    Listen(ListenArgs),
    /// Show the whole way of an event: a server, a receiver for each vendor, deliveries, and forgeries refused.
    Demo(DemoArgs),
}

/// One list of arguments is to serve both commands, so `sign` takes these as well.
const ONLY_FOR_VERIFY: &str = "For verify; checked here and without effect";
const EXIT_STATUS_SIGN: &str = "Exit status: 0 signed; 2 the arguments, a file or a secret is not right.";
const EXIT_STATUS_VERIFY: &str =
    "Exit status: 0 valid; 1 not valid; 2 the arguments, a file or a secret is not right.";
const EXIT_STATUS_INFER: &str =
    "Exit status: 0 one scheme fits; 1 several or none do; 2 the arguments, a file or a secret is not right.";
const EXIT_STATUS_VECTORS: &str = "Exit status: 0 every vector that was asked for passed; 1 some did not, or their scheme is unknown; 2 the arguments or the file are not right.";

/// The scheme and its keys.
#[derive(Args)]
pub(crate) struct SchemeArgs {
    /// A profile's name (see `hookseal profiles`), or a TOML file that holds one.
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) profile: OsString,
    /// Use the scheme of the profile's challenge, which checks an endpoint, in place of the one for events.
    #[arg(long)]
    pub(crate) challenge: bool,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    /// A value of the endpoint's configuration, such as `allow_sha1=true` or `url=...`; JSON where it parses as JSON.
    #[arg(long = "param", value_name = "NAME=VALUE", allow_hyphen_values = true)]
    pub(crate) params: Vec<String>,
}

/// The secrets. Several are several active ones: those of --secret come first, then files, then variables.
#[derive(Args)]
pub(crate) struct SecretArgs {
    /// A secret, as the vendor shows it. Repeat it for several active ones, the newest first.
    #[arg(long = "secret", value_name = "SECRET", allow_hyphen_values = true)]
    pub(crate) values: Vec<OsString>,
    /// A file whose bytes are a secret, which comes after those of --secret. One line break at its end is not part of
    /// it.
    #[arg(long = "secret-file", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// An environment variable that holds a secret, which comes after those of --secret-file.
    #[arg(long = "secret-env", value_name = "VARIABLE")]
    pub(crate) variables: Vec<OsString>,
}

/// The request.
#[derive(Args)]
pub(crate) struct RequestArgs {
    /// The file with the body's exact bytes; `-` is standard input. Without it the body is empty.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) body: Option<PathBuf>,
    /// The method.
    #[arg(long, default_value = "POST")]
    pub(crate) method: String,
    /// The URL as the sender addressed it. The parameter `url` takes its place where it is given.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) url: String,
}

/// The headers of a request that is verified.
#[derive(Args)]
pub(crate) struct HeaderArgs {
    /// A header. Split at the first `:`; outer spaces are trimmed. Repeat it for several.
    #[arg(long = "header", value_name = "'NAME: VALUE'", allow_hyphen_values = true)]
    pub(crate) lines: Vec<OsString>,
}

/// How strictly a request is judged.
#[derive(Args)]
pub(crate) struct JudgeArgs {
    /// How closely a request has to follow its scheme: as documented, or with the deviations that the profile lists.
    #[arg(long, value_enum, default_value_t = ModeArg::Strict)]
    pub(crate) mode: ModeArg,
    /// How far a timestamp may lie in the past and in the future, such as 300s or 5m; `off` does not compare it.
    /// Without it the profile says.
    #[arg(long, value_name = "DURATION|off")]
    pub(crate) tolerance: Option<String>,
}

/// See [`hookseal::Mode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// As the vendor documents it.
    Strict,
    /// Also the deviations that the profile lists.
    Compat,
}

#[derive(Args)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    pub(crate) scheme: SchemeArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// The time of signing, kept as written where it has the profile's format; otherwise unix seconds or RFC 3339.
    /// Without it: now.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) timestamp: Option<String>,
    /// The id of the delivery, where the scheme signs one. Without it: a new one.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) id: Option<String>,
    /// Print JSON.
    #[arg(long, help = "Print JSON: {\"headers\":[[NAME,VALUE],...]}")]
    pub(crate) json: bool,
    // Last, as a heading holds for all that follows it.
    #[command(flatten, next_help_heading = ONLY_FOR_VERIFY)]
    pub(crate) headers: HeaderArgs,
    #[command(flatten, next_help_heading = ONLY_FOR_VERIFY)]
    pub(crate) judge: JudgeArgs,
}

#[derive(Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) scheme: SchemeArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    #[command(flatten)]
    pub(crate) headers: HeaderArgs,
    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
    /// The time of verification: unix seconds or RFC 3339. Without it: now.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) now: Option<String>,
    /// Print JSON: {"valid":true,"error":null,...} or {"valid":false,"error":KIND,"detail":TEXT}.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct InferArgs {
    /// A file with a request as it was captured: request line, headers, an empty line, and the body's exact bytes.
    /// Repeat it for several, which have to agree. Without it the other arguments make one request.
    #[arg(long = "request", value_name = "FILE", conflicts_with_all = ["body", "lines", "method"])]
    pub(crate) requests: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    #[command(flatten)]
    pub(crate) headers: HeaderArgs,
    /// The name of the profile that is printed.
    #[arg(long, default_value = "inferred")]
    pub(crate) name: String,
    /// Print JSON: {"found":[{"description":TEXT,"open":[TEXT],"toml":TEXT}],...}.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct ProfilesArgs {
    /// The profile to show, or a TOML file that holds one. Without it all built-in ones are listed.
    #[arg(value_name = "NAME|FILE")]
    pub(crate) name: Option<OsString>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the profile's document, to start one's own from.
    #[arg(long, requires = "name", conflicts_with = "json")]
    pub(crate) toml: bool,
}

#[derive(Args)]
pub(crate) struct VectorsArgs {
    /// The file, in the format webhook-kat/1.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Run the vectors of this profile alone; may be repeated. Without it all are run, and schemes that no profile
    /// knows count as not passed.
    #[arg(long = "profile", value_name = "NAME|FILE")]
    pub(crate) profiles: Vec<OsString>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct ListenArgs {
    #[command(flatten)]
    pub(crate) scheme: SchemeArgs,
    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
    /// The address to listen at. Port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8041")]
    pub(crate) listen: SocketAddr,
    /// The port to listen at on 127.0.0.1, in short.
    #[arg(long, conflicts_with = "listen")]
    pub(crate) port: Option<u16>,
    /// The only path that is answered; others get 404. Without it every path is.
    #[arg(long, value_name = "/PATH")]
    pub(crate) path: Option<String>,
    /// Print one JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Stop everything at the end; the exit status is 0 if all came out right.
    #[arg(long)]
    pub(crate) once: bool,
    /// Where the server keeps its data. Without it: a temporary directory that is removed at the end.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) data: Option<PathBuf>,
}
