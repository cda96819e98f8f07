//! The system under test: `hookseal serve` on a store of its own, with subscriptions, held to one processor.

use std::{
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use hookseal_testkit::outside::{Options, Server, wait_until};
use serde_json::{Value, json};

use super::{
    Bed,
    driver::{Load, Pinned, Round, SINK, To, body},
};
use crate::shell::{root, run, scratch};

/// Where `limit` listens.
const LIMIT: &str = "127.0.0.1:9912";
/// The type of the events that are measured.
pub(super) const MEASURED: &str = "bench.event";
/// How long the server may take to end: its own bound and a little.
const END: Duration = Duration::from_secs(20);

/// A running server with its store.
pub(super) struct System {
    server: Server,
    options: Options,
    folder: PathBuf,
}

impl System {
    /// Starts a server on a new store.
    pub(super) fn start(bed: &Bed, name: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let folder = scratch(name)?;
        let mut options = Options::new(&bed.binary, &folder.join("data"));
        options.processor = Some(bed.system_processor);
        let made = bed.on(bed.driver_processor, "hookbench").arg("--make-tls").arg(&folder).status()?;
        if !made.success() {
            return Err("no certificate could be made".into());
        }
        // The certificate is its own authority; the program trusts what the system trusts, which this stands for.
        options.environment.push(("SSL_CERT_FILE".into(), folder.join("cert.pem").display().to_string()));
        Ok(Self { server: Server::start(&options)?, options, folder })
    }

    /// Ends the server and starts it again; `kill` ends it without warning. Returns how long the start took.
    pub(super) fn restart(&mut self, kill: bool) -> Result<Duration, Box<dyn std::error::Error>> {
        if kill {
            self.server.kill()?;
        } else {
            self.server.terminate(END)?;
        }
        let begun = super::disk::now();
        self.server = Server::start(&self.options)?;
        Ok(begun.elapsed())
    }

    /// Starts it again with the shim that counts syncs; returns the file whose length is their number.
    fn restart_counting(&mut self) -> Result<PathBuf, Box<dyn std::error::Error>> {
        let (shim, count) = (self.folder.join("syncshim.so"), self.folder.join("syncs"));
        let source = root().join("tests/shim/syncshim.c");
        let arguments = ["-std=c11", "-O2", "-shared", "-fPIC", "-o"];
        run("cc", &[&arguments[..], &[&shim.display().to_string(), &source.display().to_string()]].concat())?;
        for (name, value) in [
            ("LD_PRELOAD", &shim),
            ("HOOKSEAL_SYNC_COUNT", &count),
            ("HOOKSEAL_SYNC_PATH", &self.options.data.clone()),
        ] {
            self.options.environment.push((name.into(), value.display().to_string()));
        }
        self.restart(false)?;
        Ok(count)
    }

    /// Subscribes an endpoint to events of one type; `more` are fields besides.
    pub(super) fn subscribe(
        &self,
        url: &str,
        event_type: &str,
        more: &Value,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let mut body = json!({ "endpoint_url": url, "event_types": [event_type] });
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        let answer = self.server.client().post("/v1/webhooks", &body)?;
        if answer.status == 201 { Ok(()) } else { Err(format!("subscribing: {answer:?}").into()) }
    }

    /// Subscribes the driver's endpoint to what is measured.
    pub(super) fn subscribe_measured(&self, load: &Load) -> Result<(), Box<dyn std::error::Error>> {
        let scheme = if load.tls { "https" } else { "http" };
        let mut more = json!({});
        if load.sink_ms > 0 {
            // As many wait for an answer as `limit` has connections.
            more["max_in_flight"] = json!(64);
        }
        if load.fail_every > 0 {
            more["retry_schedule_s"] = json!([1, 1, 1, 1, 1, 1, 1, 1]);
        }
        let url = format!("{scheme}://{SINK}/hook");
        (0..load.fanout).try_for_each(|_| self.subscribe(&url, MEASURED, &more))
    }

    /// Drives one round of events of a type through it.
    pub(super) fn drive(
        &self,
        bed: &Bed,
        load: &Load,
        event_type: &str,
    ) -> Result<Round, Box<dyn std::error::Error>> {
        let path = if load.batch > 1 { "/v1/events/batch" } else { "/v1/events" };
        let key = format!("authorization: Bearer {}", self.server.key());
        let to = To {
            url: format!("http://{}{path}", self.server.address()),
            arguments: ["--header".into(), key, "--body".into(), body(event_type, load.ids)].to_vec(),
            pid: self.server.pid(),
            certificate: Some(&self.folder),
        };
        bed.drive(load, &to)
    }

    /// The server's process.
    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// Ends it and removes its store.
    pub(super) fn end(mut self) -> Result<(), Box<dyn std::error::Error>> {
        self.server.terminate(END)?;
        Ok(std::fs::remove_dir_all(&self.folder)?)
    }

    /// Bytes of its store, the log included.
    pub(super) fn store_bytes(&self) -> u64 {
        let files = std::fs::read_dir(&self.options.data).into_iter().flatten().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|about| about.len()).sum()
    }
}

/// One round of the server on a store of its own.
pub(super) fn round(bed: &Bed, load: &Load) -> Result<Round, Box<dyn std::error::Error>> {
    let system = System::start(bed, "bench")?;
    system.subscribe_measured(load)?;
    let round = system.drive(bed, load, MEASURED)?;
    system.end()?;
    Ok(round)
}

/// Syncs for each event, counted in a round of its own, which costs time.
pub(super) fn syncs_per_event(bed: &Bed, load: &Load) -> Result<f64, Box<dyn std::error::Error>> {
    let mut system = System::start(bed, "bench-syncs")?;
    system.subscribe_measured(load)?;
    let count = system.restart_counting()?;
    let length = || std::fs::metadata(&count).map_or(0, |about| about.len());
    let before = length();
    system.drive(bed, load, MEASURED)?;
    let syncs = length() - before;
    system.end()?;
    Ok(syncs as f64 / load.events as f64)
}

/// One round of `limit`, which knows fan-out and slow endpoints, and nothing else of a load.
pub(super) fn limit_round(bed: &Bed, load: &Load) -> Result<Round, Box<dyn std::error::Error>> {
    let load = Load { batch: 1, tls: false, fail_every: 0, ids: false, ..*load };
    let mut command = bed.on(bed.system_processor, "limit");
    command.args(["--threads", "1", "--listen", LIMIT, "--to", SINK, "--fanout", &load.fanout.to_string()]);
    let relay = Pinned::start(command)?;
    wait_until("`limit` listens", Duration::from_secs(5), || TcpStream::connect(LIMIT).is_ok())?;
    let to =
        To { url: format!("http://{LIMIT}/"), arguments: Vec::new(), pid: relay.pid(), certificate: None };
    bed.drive(&load, &to)
}

/// What a command prints, in one line; nothing where it cannot be run.
pub(super) fn said(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}
