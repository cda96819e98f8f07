//! What can be written on the command line. What it means is told by [`inputs`](crate::inputs) and by each command.
//!
//! Nothing here that may hold a secret has a `Debug`.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use hookseal::guide::Language;
use ipnet::IpNet;

use crate::{config::ServeArgs, limits::TRIGGER_COUNT_MAX};

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
    /// Say why the signature of a request does not match.
    #[command(after_help = EXIT_STATUS_EXPLAIN)]
    Explain(ExplainArgs),
    /// Find the scheme of captured requests, and print it as a profile.
    #[command(after_help = EXIT_STATUS_INFER)]
    Infer(InferArgs),
    /// List the profiles, show one, or check one's own.
    #[command(after_help = EXIT_STATUS_PROFILES)]
    Profiles(ProfilesArgs),
    /// Write the page by which a vendor's customers verify: steps, a request to try, and code.
    Guide(GuideArgs),
    /// Run a file of known-answer vectors.
    #[command(after_help = EXIT_STATUS_VECTORS)]
    Vectors(VectorsArgs),
    /// Run the server: take events in over HTTP, and deliver them.
    Serve(ServeArgs),
    /// Receive webhooks for development: verify each and print what came of it.
    Listen(ListenArgs),
    /// Send a vendor's sample event to a URL, signed as that vendor signs it.
    #[command(after_help = EXIT_STATUS_TRIGGER)]
    Trigger(TriggerArgs),
    /// Show the whole way of an event: a server, a receiver for each vendor, deliveries, and forgeries refused.
    Demo(DemoArgs),
}

/// One list of arguments is to serve both commands, so `sign` takes these as well.
const ONLY_FOR_VERIFY: &str = "For verify; checked here and without effect";
const EXIT_STATUS_SIGN: &str = "A secret may be a private key, where receivers verify with the public one: PEM, base64, a JSON Web Key, or the vendor's own notation. With --header come the headers that are sent besides, as a signature may cover them.\n\nExit status: 0 signed; 2 the arguments, a file or a secret is not right.";
const EXIT_STATUS_VERIFY: &str = "Exit status: 0 valid; 1 not valid; 2 the arguments, a file or a secret is not right, or a key cannot be had.";
const EXIT_STATUS_TRIGGER: &str = "Exit status: 0 every answer has a status that the vendor counts as a success; 1 one has not, or none came; 2 the arguments, a file or a secret is not right.";
const EXIT_STATUS_PROFILES: &str =
    "Exit status: 0 shown; 1 a checked profile is not right; 2 the arguments or a file are not right.";
const EXIT_STATUS_PROFILES_CHECK: &str = "Exit status: 0 every profile is right; 1 one is not; 2 the arguments are not right or a file cannot be read.";
const EXIT_STATUS_EXPLAIN: &str =
    "Exit status: 0 it verifies; 1 it does not; 2 the arguments, a file or a secret is not right.";
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

/// Keys that a vendor publishes, such as the certificates of AWS SNS. Without a secret they are fetched.
#[derive(Args, Default)]
pub(crate) struct FetchArgs {
    /// Never fetch a key that the vendor publishes; say which one is needed.
    #[arg(long)]
    pub(crate) no_fetch: bool,
    /// A network that keys may be fetched from although it is not of the public internet. May be repeated.
    #[arg(long = "allow-network", value_name = "CIDR")]
    pub(crate) allow_networks: Vec<IpNet>,
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
    /// Where to write the body as it is to be sent. Needed where the signature stands in the body, unless --json
    /// prints it.
    #[arg(long, value_name = "FILE")]
    pub(crate) body_out: Option<PathBuf>,
    /// Print JSON.
    #[arg(
        long,
        help = "Print JSON: {\"headers\":[[NAME,VALUE],...]}, with \"body_base64\" and \"url\" where signing changes them"
    )]
    pub(crate) json: bool,
    // Among the rest, as a signature may cover them.
    #[command(flatten)]
    pub(crate) headers: HeaderArgs,
    // Last, as a heading holds for all that follows it.
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
    #[command(flatten)]
    pub(crate) fetch: FetchArgs,
    /// The time of verification: unix seconds or RFC 3339. Without it: now.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) now: Option<String>,
    /// Print JSON: {"valid":true,"error":null,...} or {"valid":false,"error":KIND,"detail":TEXT}.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) scheme: SchemeArgs,
    #[command(flatten)]
    pub(crate) other_secrets: OtherSecretArgs,
    /// A request as it was logged: its first line, the headers, an empty line, and the body's exact bytes; `-` is
    /// standard input. Of a path alone, the URL is `https://`, the header Host and the path.
    #[arg(long = "request", value_name = "FILE|-", conflicts_with_all = ["body", "method"])]
    pub(crate) captured: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    #[command(flatten)]
    pub(crate) headers: HeaderArgs,
    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
    /// The time of verification: unix seconds or RFC 3339. Without it: now.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) now: Option<String>,
    /// Print JSON: {"valid":false,"error":KIND,"detail":TEXT,"proven":true,"findings":[{"code":CODE,...}],...}.
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

/// Secrets that should not match.
#[derive(Args)]
pub(crate) struct OtherSecretArgs {
    /// A secret that is not active, such as an expired one or that of another endpoint. Repeat it for several.
    #[arg(long = "other-secret", value_name = "SECRET", allow_hyphen_values = true)]
    pub(crate) other_values: Vec<OsString>,
    /// A file whose bytes are such a secret.
    #[arg(long = "other-secret-file", value_name = "FILE")]
    pub(crate) other_files: Vec<PathBuf>,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ProfilesArgs {
    #[command(subcommand)]
    pub(crate) action: Option<ProfilesAction>,
    /// The profile to show, or a TOML file that holds one. Without it all built-in ones are listed.
    #[arg(value_name = "NAME|FILE")]
    pub(crate) name: Option<OsString>,
    #[command(flatten)]
    pub(crate) form: ProfileFormArgs,
}

/// What is done with profiles.
#[derive(Subcommand)]
pub(crate) enum ProfilesAction {
    /// List the built-in profiles.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a profile, and what follows from its document.
    Show {
        /// The profile's name, or a TOML file that holds one.
        #[arg(value_name = "NAME|FILE")]
        name: OsString,
        #[command(flatten)]
        form: ProfileFormArgs,
    },
    /// Check profiles of one's own: print every problem with its line and column.
    #[command(after_help = EXIT_STATUS_PROFILES_CHECK)]
    Check(ProfilesCheckArgs),
    /// Print the page of the catalogue, docs/profiles.md.
    #[command(hide = true)]
    Page,
}

/// How a profile is printed.
#[derive(Args)]
pub(crate) struct ProfileFormArgs {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the profile's document, to start one's own from.
    #[arg(long, requires = "name", conflicts_with = "json")]
    pub(crate) toml: bool,
}

#[derive(Args)]
pub(crate) struct GuideArgs {
    /// A profile's name (see `hookseal profiles`), or a TOML file that holds one.
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) profile: OsString,
    /// What the page is written in. HTML is one file that needs nothing else.
    #[arg(long, value_enum, default_value_t = GuideFormat::Markdown)]
    pub(crate) format: GuideFormat,
    /// The languages of the code, with commas between them: node, python, go, ruby, php, java, csharp, rust. Without
    /// it: all.
    #[arg(long = "language", value_name = "LANGUAGE,...", value_delimiter = ',')]
    pub(crate) languages: Vec<Language>,
    /// The file to write. Without it: standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// What a guide is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GuideFormat {
    /// CommonMark with tables.
    Markdown,
    /// One HTML file.
    Html,
}

#[derive(Args)]
pub(crate) struct ProfilesCheckArgs {
    /// The TOML files.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
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
    #[command(flatten)]
    pub(crate) fetch: FetchArgs,
    /// The address to listen at. Port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8041")]
    pub(crate) listen: SocketAddr,
    /// The port to listen at on 127.0.0.1, in short.
    #[arg(long, conflicts_with = "listen")]
    pub(crate) port: Option<u16>,
    /// A URL that every request which verifies is sent on to, as it came. Its answer is passed back.
    #[arg(long, value_name = "URL")]
    pub(crate) forward: Option<String>,
    /// Also forward what does not verify.
    #[arg(long, requires = "forward")]
    pub(crate) forward_unverified: bool,
    /// The only path that is answered; others get 404. Without it every path is.
    #[arg(long, value_name = "/PATH")]
    pub(crate) path: Option<String>,
    /// Do not look for the reason when a request does not verify.
    #[arg(long)]
    pub(crate) no_explain: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct TriggerArgs {
    /// A profile's name (see `hookseal profiles`), or a TOML file that holds one.
    #[arg(long, value_name = "NAME|FILE", required_unless_present = "list")]
    pub(crate) profile: Option<OsString>,
    /// The sample event (see --list), or with --body the event type.
    #[arg(long, value_name = "EVENT")]
    pub(crate) event: Option<String>,
    /// The URL to post it to. Any network is reached, this machine included.
    #[arg(long, value_name = "URL", required_unless_present = "list")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    /// A value of the endpoint's configuration, such as `url=...` where it is signed and not the one of --to.
    #[arg(long = "param", value_name = "NAME=VALUE", allow_hyphen_values = true)]
    pub(crate) params: Vec<String>,
    /// The file with a body of one's own in place of the sample's; `-` is standard input.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) body: Option<PathBuf>,
    /// A header, which takes the place of one of the same name. Repeat it for several.
    #[arg(long = "header", value_name = "'NAME: VALUE'", allow_hyphen_values = true)]
    pub(crate) headers: Vec<OsString>,
    /// How many to send, one after the other, each with ids and times of its own.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(TRIGGER_COUNT_MAX)))]
    pub(crate) count: u32,
    /// The id of the delivery. Without it: a new one.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) id: Option<String>,
    /// The time of signing, kept as written where it has the profile's format; otherwise unix seconds or RFC 3339.
    /// Without it: now.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) timestamp: Option<String>,
    /// List the sample events, of the profile or of all.
    #[arg(long, conflicts_with_all = ["event", "to", "body"])]
    pub(crate) list: bool,
    /// Print one JSON object a line; with --list, one list.
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
