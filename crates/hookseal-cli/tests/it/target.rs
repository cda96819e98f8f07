//! An endpoint that takes requests as bytes.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

/// How long a test waits for a request.
const WAIT: Duration = Duration::from_secs(30);

/// An endpoint that gives every request the same answer.
pub(crate) struct Target {
    address: String,
    received: Receiver<Received>,
}

/// A request as it came over the socket.
#[derive(Debug)]
pub(crate) struct Received {
    /// Method and target, such as `POST /hook`.
    pub(crate) start: String,
    /// The header lines, names in lower case.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Target {
    /// Answers with these bytes, head and body.
    pub(crate) fn answering(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, received) = channel();
        // The thread ends with the test process; each connection has one request.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = receive(stream, answer) else { continue };
                if sender.send(request).is_err() {
                    return;
                }
            }
        });
        Self { address, received }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next request.
    pub(crate) fn request(&self) -> Received {
        self.received.recv_timeout(WAIT).unwrap()
    }

    /// Whether nothing came that was not read yet.
    pub(crate) fn is_idle(&self) -> bool {
        self.received.try_recv().is_err()
    }
}

impl Received {
    /// Every value of a name.
    pub(crate) fn values(&self, name: &str) -> Vec<&[u8]> {
        self.headers.iter().filter(|(line, _)| line == name).map(|(_, value)| value.as_slice()).collect()
    }

    /// The one value of a name, as text.
    pub(crate) fn value(&self, name: &str) -> &str {
        match self.values(name).as_slice() {
            [value] => std::str::from_utf8(value).unwrap(),
            values => panic!("{} lines of {name}", values.len()),
        }
    }
}

fn receive(mut stream: TcpStream, answer: &str) -> Option<Received> {
    stream.set_read_timeout(Some(WAIT)).unwrap();
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    let head = loop {
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
    };
    let mut lines = bytes[..head].split(|byte| *byte == b'\n').map(|line| line.trim_ascii_end());
    let start = String::from_utf8(lines.next()?.to_vec()).unwrap();
    let header = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':').unwrap();
        let name = String::from_utf8(line[..colon].to_ascii_lowercase()).unwrap();
        (name, line[colon + 1..].trim_ascii_start().to_vec())
    };
    let headers: Vec<_> = lines.map(header).collect();
    let mut request =
        Received { start: start.rsplit_once(' ')?.0.to_owned(), headers, body: bytes[head + 4..].to_vec() };
    let length: usize = request.value("content-length").parse().unwrap();
    while request.body.len() < length {
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        request.body.extend_from_slice(&chunk[..read]);
    }
    stream.write_all(answer.as_bytes()).unwrap();
    Some(request)
}
