//! An endpoint that behaves as it is told.

use std::{
    collections::HashMap,
    io::{self, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    http::{read_exactly, read_line},
    now,
};

/// How an endpoint behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// It answers with this status code after this wait.
    Answer(u16, Duration),
    /// It sends headers, and then one byte a second.
    Drip,
    /// It sends so many bytes.
    Flood(u64),
    /// It never answers.
    Silence,
    /// It redirects to this address.
    Redirect(String),
    /// Each request is met by the next of these, and what comes after them by the last.
    Turns(Vec<Behaviour>),
}

/// What an endpoint saw.
#[derive(Debug, Default)]
struct Seen {
    /// Times each `seq` came in a body that was answered, or was about to be.
    by_seq: HashMap<u64, u32>,
    requests: u64,
    arrivals: Vec<(u64, Instant)>,
    last: Received,
}

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// Its headers: the names in lower case, the values without the spaces around them.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Received {
    /// The value of its first header of this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// An endpoint on the loopback network.
pub struct Sink {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    closed: Arc<AtomicBool>,
}

impl Sink {
    /// Opens an endpoint on a free port.
    ///
    /// # Errors
    ///
    /// Where no port can be opened.
    pub fn open(behaviour: Behaviour) -> io::Result<Self> {
        Self::open_on("127.0.0.1", behaviour)
    }

    /// Opens an endpoint on a free port of another address of the loopback network.
    ///
    /// # Errors
    ///
    /// Where no port can be opened.
    pub fn open_on(address: &str, behaviour: Behaviour) -> io::Result<Self> {
        let listener = TcpListener::bind((address, 0))?;
        let sink = Self { address: listener.local_addr()?, seen: Arc::default(), closed: Arc::default() };
        let (seen, closed) = (Arc::clone(&sink.seen), Arc::clone(&sink.closed));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if closed.load(Ordering::Relaxed) {
                    return;
                }
                let (seen, closed, behaviour) = (Arc::clone(&seen), Arc::clone(&closed), behaviour.clone());
                // A connection that breaks is the server's doing, and part of the scenario.
                std::thread::spawn(move || drop(serve(stream, &behaviour, &seen, &closed)));
            }
        });
        Ok(sink)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Requests that came in whole.
    pub fn requests(&self) -> u64 {
        self.lock().requests
    }

    /// How often the event with this number came.
    pub fn count(&self, seq: u64) -> u32 {
        self.lock().by_seq.get(&seq).copied().unwrap_or(0)
    }

    /// How many events came more than once, counting each further time.
    pub fn duplicates(&self) -> u64 {
        self.lock().by_seq.values().map(|count| u64::from(count.saturating_sub(1))).sum()
    }

    /// When each event came, in order; forgets them.
    pub fn take_arrivals(&self) -> Vec<(u64, Instant)> {
        std::mem::take(&mut self.lock().arrivals)
    }

    /// The request that came last.
    pub fn last(&self) -> Received {
        self.lock().last.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        // The listener wakes up once more and sees that it is over.
        TcpStream::connect(self.address).ok();
    }
}

fn serve(
    stream: TcpStream,
    behaviour: &Behaviour,
    seen: &Mutex<Seen>,
    closed: &AtomicBool,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = BufReader::new(stream);
    loop {
        let request = read_request(&mut connection)?;
        let before = note(seen, request);
        let behaviour = match behaviour {
            Behaviour::Turns(turns) => turns.get(before).or(turns.last()).unwrap_or(&Behaviour::Silence),
            always => always,
        };
        answer(connection.get_mut(), behaviour, closed)?;
    }
}

/// Notes a request; how many came before it.
fn note(seen: &Mutex<Seen>, request: Received) -> usize {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let before = usize::try_from(seen.requests).unwrap_or(usize::MAX);
    seen.requests += 1;
    if let Some(seq) = number(&request.body) {
        *seen.by_seq.entry(seq).or_default() += 1;
        seen.arrivals.push((seq, now()));
    }
    seen.last = request;
    before
}

fn read_request(connection: &mut BufReader<TcpStream>) -> io::Result<Received> {
    let mut request = Received::default();
    loop {
        let line = read_line(connection)?;
        if line.is_empty() {
            let length = request.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
            request.body = read_exactly(connection, length)?;
            return Ok(request);
        }
        if let Some((name, value)) = line.split_once(':') {
            request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
}

fn answer(stream: &mut TcpStream, behaviour: &Behaviour, closed: &AtomicBool) -> io::Result<()> {
    match behaviour {
        Behaviour::Answer(status, wait) => {
            std::thread::sleep(*wait);
            write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: 2\r\n\r\nok")
        }
        Behaviour::Redirect(to) => {
            write!(stream, "HTTP/1.1 302 x\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
        }
        Behaviour::Drip => {
            write!(stream, "HTTP/1.1 200 x\r\ncontent-length: 1000000\r\n\r\n")?;
            while !closed.load(Ordering::Relaxed) {
                stream.write_all(b"x")?;
                std::thread::sleep(Duration::from_secs(1));
            }
            Ok(())
        }
        Behaviour::Flood(bytes) => {
            write!(stream, "HTTP/1.1 200 x\r\ncontent-length: {bytes}\r\n\r\n")?;
            let block = vec![b'x'; 64 * 1024];
            (0..bytes.div_ceil(block.len() as u64)).try_for_each(|_| stream.write_all(&block))
        }
        // Turns are taken by whoever asks; turns of turns are not meant, and never answer.
        Behaviour::Silence | Behaviour::Turns(_) => {
            while !closed.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(100));
            }
            Ok(())
        }
    }
}

/// The number behind `"seq":` in a body.
fn number(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("\"seq\":")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
