//! The server as a process.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::Duration,
};

use super::{Client, Failed, now, wait_until};

/// The operator's key of every server that a scenario starts.
const KEY: &str = "hs_live_0123456789abcdef0123456789abcdef";

/// How to start a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// The `hookseal` binary.
    pub binary: PathBuf,
    /// The folder of its store.
    pub data: PathBuf,
    /// Arguments besides; by default the loopback network is allowed.
    pub arguments: Vec<String>,
    /// Environment variables besides.
    pub environment: Vec<(String, String)>,
    /// A processor to be held to.
    pub processor: Option<usize>,
}

impl Options {
    /// A server that may deliver to the loopback network.
    pub fn new(binary: &Path, data: &Path) -> Self {
        Self {
            binary: binary.to_owned(),
            data: data.to_owned(),
            arguments: ["--allow-network", "127.0.0.0/8"].map(str::to_owned).to_vec(),
            environment: Vec::new(),
            processor: None,
        }
    }
}

/// A running server. Killed when dropped.
pub struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts a server on a free port and waits until it says that it listens.
    ///
    /// # Errors
    ///
    /// [`Failed`] with what it said instead.
    pub fn start(options: &Options) -> Result<Self, Failed> {
        let mut command = match options.processor {
            Some(processor) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &processor.to_string()]).arg(&options.binary);
                command
            }
            None => Command::new(&options.binary),
        };
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&options.data)
            .args(&options.arguments);
        command.env("HOOKSEAL_OPERATOR_KEY", KEY).envs(options.environment.iter().cloned());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let log = collect_log(&mut child);
        match listening_address(&mut child) {
            Some(address) => Ok(Self { child, address }),
            None => {
                child.kill().ok();
                child.wait().ok();
                let said: Vec<String> = log.try_iter().collect();
                Err(Failed(format!("the server did not start: {}", said.join(" | "))))
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The operator's key.
    pub fn key(&self) -> &'static str {
        KEY
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        Client::new(self.address, KEY)
    }

    /// `kill -9`.
    ///
    /// # Errors
    ///
    /// Where the process is gone already.
    pub fn kill(&mut self) -> Result<(), Failed> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, and waits for that. Returns how it ended and how long that took.
    ///
    /// # Errors
    ///
    /// [`Failed`] where it takes longer than `bound`.
    pub fn terminate(&mut self, bound: Duration) -> Result<(ExitStatus, Duration), Failed> {
        let begun = now();
        Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        let mut status = None;
        wait_until("the server ends after SIGTERM", bound, || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        })?;
        status.map(|status| (status, begun.elapsed())).ok_or_else(|| Failed::new("no exit status"))
    }

    /// Its anonymous memory, in kibibytes.
    ///
    /// # Errors
    ///
    /// Where the process is gone.
    pub fn memory_kib(&self) -> Result<u64, Failed> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| Failed::new("RssAnon is not in /proc"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Reads the address from the server's first lines, and keeps reading so that it never blocks on a full pipe.
fn listening_address(child: &mut Child) -> Option<SocketAddr> {
    let mut lines = BufReader::new(child.stdout.take()?).lines();
    let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let (_, address) = line.split_once("listening on http://")?;
        address.trim().parse().ok()
    });
    std::thread::spawn(move || lines.for_each(drop));
    address
}

fn collect_log(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(200);
    if let Some(stderr) = child.stderr.take() {
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Once nobody reads them, lines beyond the first are dropped.
                sender.try_send(line).ok();
            }
        });
    }
    receiver
}
