//! A client that does what it is told, down to the byte.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::world::PATIENCE;

#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    /// What was read beyond the last answer.
    rest: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Client {
    #[expect(clippy::disallowed_methods, reason = "a client of the server's own tests, on loopback")]
    pub(crate) async fn try_connect(address: SocketAddr) -> std::io::Result<Self> {
        Ok(Self { stream: TcpStream::connect(address).await?, rest: Vec::new() })
    }

    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.unwrap()
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.unwrap();
    }

    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.unwrap()
    }

    /// Sends a request with its length, and reads the answer.
    pub(crate) async fn call(&mut self, method: &str, path: &str, key: Option<&str>, body: &str) -> Answer {
        self.send(request(method, path, key, body)).await;
        self.answer().await.unwrap()
    }

    /// Reads an answer; `None` where the connection ends before it begins.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let head = self.head().await?;
        let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        while self.rest.len() < length {
            assert!(self.read_more().await, "the body of an answer is cut off");
        }
        let body = String::from_utf8(self.rest.drain(..length).collect()).unwrap();
        Some(Answer { status: head[9..12].parse().unwrap(), head, body })
    }

    /// Reads the head of an answer that has no body, whatever length it names.
    pub(crate) async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.rest.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                return Some(String::from_utf8(self.rest.drain(..end + 4).collect()).unwrap());
            }
            if !self.read_more().await {
                assert!(self.rest.is_empty(), "half an answer: {:?}", String::from_utf8_lossy(&self.rest));
                return None;
            }
        }
    }

    /// Waits until the server ends the connection, whatever it says before.
    pub(crate) async fn ended(&mut self) {
        while self.read_more().await {}
    }

    async fn read_more(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        let read = timeout(PATIENCE, self.stream.read(&mut buffer)).await.expect("the server says nothing");
        // A connection that is reset has ended as well.
        let read = read.unwrap_or(0);
        self.rest.extend_from_slice(&buffer[..read]);
        read > 0
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> String {
        header(&self.head, name).unwrap_or_else(|| panic!("no {name} in {}", self.head)).to_owned()
    }
}

/// A request with its length.
pub(crate) fn request(method: &str, path: &str, key: Option<&str>, body: &str) -> String {
    let key = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
    format!("{method} {path} HTTP/1.1\r\nhost: test\r\n{key}content-length: {}\r\n\r\n{body}", body.len())
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
