//! Proof from outside: what is delivered is verified by other people's code, in other languages.
//!
//! Between the server and each receiver stands a relay. It passes every request on as it came, and then once more
//! with one byte of the body flipped: the receiver must take the first and refuse the second.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use hookseal::Profile;
use serde_json::{Value, json};

use super::{
    Failed, Options, Server,
    http::{read_exactly, read_line},
};

/// The vendors, each a profile and a program of that name.
pub const VENDORS: [&str; 5] = ["harbor-lockers", "harbor-transfers", "harbor-node", "harvestr", "harmon"];
/// The secret of every subscription.
const SECRET: &str = "whs_secret with spaces/and+signs";

/// What one receiver made of one delivery.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The vendor.
    pub vendor: &'static str,
    /// The receiver's language.
    pub language: &'static str,
    /// Its answer to what was delivered.
    pub delivered: u16,
    /// Its answer to the same with one byte flipped.
    pub tampered: u16,
    /// The body as it came over the wire.
    pub body: Vec<u8>,
}

/// Delivers to all receivers in `programs` (the folder with `node/` and `python/`).
///
/// # Errors
///
/// [`Failed`] where a receiver refuses what was delivered, takes what was tampered with, or got other bytes.
pub fn run(binary: &Path, data: &Path, programs: &Path) -> Result<Vec<Verdict>, Failed> {
    let mut server = Server::start(&Options::new(binary, data))?;
    let mut client = server.client();
    let mut verdicts = Vec::new();
    for vendor in VENDORS {
        for (language, interpreter, ending) in [("node", "node", "mjs"), ("python", "python3", "py")] {
            let program = programs.join(language).join(format!("{vendor}.{ending}"));
            let receiver = Receiver::start(interpreter, &program)?;
            let relay = Relay::start(receiver.address, vendor, language)?;
            let event_type = format!("{vendor}.{language}");
            let answer = client.post(
                "/v1/webhooks",
                &json!({ "endpoint_url": relay.url, "profile": vendor, "secret": SECRET, "event_types": [event_type] }),
            )?;
            if answer.status != 201 {
                return Err(Failed::new(format!("{vendor}: subscribing: {answer:?}")));
            }
            if Profile::builtin(vendor).is_some_and(|profile| profile.challenge().is_some()) {
                let asked = relay.next()?;
                let body = asked.body.clone();
                judge(asked, &body)?;
            }
            for (body, request) in events(vendor, &event_type) {
                let answer = client.send("POST", "/v1/events", request.as_bytes())?;
                if answer.status != 202 {
                    return Err(Failed::new(format!("{vendor}: publishing: {}", answer.json())));
                }
                verdicts.push(judge(relay.next()?, &body)?);
            }
        }
    }
    server.terminate(Duration::from_secs(15))?;
    Ok(verdicts)
}

fn judge(verdict: Verdict, published: &[u8]) -> Result<Verdict, Failed> {
    if verdict.body != published {
        return Err(Failed::new(format!("other bytes were delivered than published: {verdict:?}")));
    }
    if !(200..300).contains(&verdict.delivered) || verdict.tampered != 401 {
        return Err(Failed::new(format!("the receiver judged wrongly: {verdict:?}")));
    }
    Ok(verdict)
}

/// Events to publish: the bytes that must arrive, and the request that publishes them. The samples of some vendors
/// parse the body as JSON once it is verified; that of Harbor transfers is not JSON in its own document.
fn events(vendor: &str, event_type: &str) -> Vec<(Vec<u8>, String)> {
    let text = "{ \"event\":\"x\",\n\t\"n\": 1.0, \"e\":1e3,\"big\": 12345678901234567890, \"b\":{\"z\":1,\"a\":2},\"text\":\"Zo\\u00eb  東京 \\/\",\"status\":\"completed\" }";
    let transfers =
        "{\n    \"status\": \"completed\", // not JSON at all\n    'tracking_number': '92711234310210',\n}";
    let encoded = |text: &str| json!({ "type": event_type, "payload_base64": base64(text.as_bytes()), "content_type": "application/json" });
    let mut events = vec![(text.into(), format!("{{\"type\":\"{event_type}\",\"payload\":{text}}}"))];
    if vendor == "harbor-transfers" {
        events.push((transfers.into(), encoded(transfers).to_string()));
    }
    events
}

/// Standard base64 with padding (RFC 4648 section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let place = (bits >> (18 - 6 * i)) as usize & 63;
            text.push(if i <= chunk.len() { char::from(ALPHABET[place]) } else { '=' });
        }
    }
    text
}

/// A receiver in another language, as a process. Killed when dropped.
struct Receiver {
    child: Child,
    address: SocketAddr,
}

impl Receiver {
    fn start(interpreter: &str, program: &Path) -> Result<Self, Failed> {
        let mut child = Command::new(interpreter)
            .arg(program)
            .args(["--port", "0", "--secret-env", "RECEIVER_SECRET"])
            .env("RECEIVER_SECRET", SECRET)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Failed::new(format!("{interpreter} cannot be run: {error}")))?;
        let mut lines = BufReader::new(child.stdout.take().ok_or_else(|| Failed::new("no stdout"))?).lines();
        let first: Option<Value> =
            lines.next().and_then(Result::ok).and_then(|line| serde_json::from_str(&line).ok());
        std::thread::spawn(move || lines.for_each(drop));
        let port = first
            .as_ref()
            .and_then(|line| line["listening"].as_u64())
            .and_then(|port| u16::try_from(port).ok());
        let port = port.ok_or_else(|| Failed::new(format!("{} did not start", program.display())))?;
        Ok(Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)) })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Passes requests on to a receiver, as they came and with one byte flipped.
struct Relay {
    url: String,
    verdicts: mpsc::Receiver<Verdict>,
}

impl Relay {
    fn start(receiver: SocketAddr, vendor: &'static str, language: &'static str) -> Result<Self, Failed> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let (sender, verdicts) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut connection = BufReader::new(stream);
                while let Ok((head, body)) = read_raw(&mut connection) {
                    let status = |body: &[u8]| pass_on(receiver, &head, body).unwrap_or(0);
                    let (delivered, tampered) = (status(&body), status(&flipped(&body)));
                    let answer = format!("HTTP/1.1 {} x\r\ncontent-length: 0\r\n\r\n", delivered.max(100));
                    if connection.get_mut().write_all(answer.as_bytes()).is_err()
                        || sender.send(Verdict { vendor, language, delivered, tampered, body }).is_err()
                    {
                        return;
                    }
                }
            }
        });
        Ok(Self { url, verdicts })
    }

    fn next(&self) -> Result<Verdict, Failed> {
        self.verdicts.recv_timeout(Duration::from_secs(20)).map_err(|_| Failed::new("nothing was delivered"))
    }
}

/// Reads a request: its head as it came, and its body.
fn read_raw(connection: &mut BufReader<TcpStream>) -> std::io::Result<(String, Vec<u8>)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let line = read_line(connection)?;
        if line.is_empty() {
            return Ok((head, read_exactly(connection, length)?));
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        head.push_str(&line);
        head.push_str("\r\n");
    }
}

fn pass_on(receiver: SocketAddr, head: &str, body: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(receiver).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    stream.write_all(&[head.as_bytes(), b"connection: close\r\n\r\n", body].concat()).ok()?;
    let mut answer = String::new();
    BufReader::new(stream).take(64).read_line(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// The body with one bit of one byte changed, such that neither byte is a space: Harbor Lockers signs without spaces.
fn flipped(body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    if let Some(byte) = body.iter_mut().rev().find(|byte| byte.is_ascii_alphanumeric()) {
        *byte ^= 1;
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (text, encoded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }
}
