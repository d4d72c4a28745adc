//! An HTTP server that is told and asked, and answers as a test says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::Value;

/// A pause after a failure, and some.
const WITHIN: Duration = Duration::from_secs(10);

/// What came by POST to `/hook`.
#[derive(Debug)]
pub struct Delivery {
    /// Usher-Event-Id.
    pub id: String,
    /// Usher-Signature.
    pub signature: String,
    /// The body.
    pub body: String,
}

/// Somebody who is told or asked.
#[derive(Debug)]
pub struct Crm {
    port: u16,
    came: Receiver<Delivery>,
    answers: Sender<(u16, String)>,
}

impl Crm {
    /// Listens.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let (deliveries, came) = channel();
        let (answers, wanted) = channel::<(u16, String)>();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream);
                // One connection may bring several.
                while let Some(delivery) = read(&mut reader) {
                    if deliveries.send(delivery).is_err() {
                        return;
                    }
                    let Ok((status, body)) = wanted.recv() else { return };
                    let length = body.len();
                    let answer =
                        format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}");
                    if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                        break;
                    }
                }
            }
        });
        Self { port, came, answers }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// The next delivery, answered so.
    ///
    /// # Panics
    /// Where nothing comes.
    #[track_caller]
    pub fn takes(&self, status: u16) -> Delivery {
        self.answers(status, "")
    }

    /// The same with a body.
    ///
    /// # Panics
    /// Where nothing comes.
    #[track_caller]
    pub fn answers(&self, status: u16, body: &str) -> Delivery {
        let delivery = self.asked();
        self.answers.send((status, body.to_owned())).expect("it is answered");
        delivery
    }

    /// The next delivery, which is not answered.
    ///
    /// # Panics
    /// Where nothing comes.
    #[track_caller]
    pub fn asked(&self) -> Delivery {
        self.came.recv_timeout(WITHIN).expect("something is delivered")
    }

    /// Nothing more comes.
    ///
    /// # Panics
    /// Where it does.
    #[track_caller]
    pub fn has_nothing(&self) {
        let more = self.came.recv_timeout(Duration::from_millis(500));
        assert!(more.is_err(), "{more:?}");
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Delivery> {
    let (mut id, mut signature, mut length) = Default::default();
    let mut first = true;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if std::mem::take(&mut first) {
            assert_eq!(line, "POST /hook HTTP/1.1");
        }
        match line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value)) {
            None if line.is_empty() => break,
            Some((name, value)) if name == "usher-event-id" => id = value.to_owned(),
            Some((name, value)) if name == "usher-signature" => signature = value.to_owned(),
            Some((name, value)) if name == "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Delivery { id, signature, body: String::from_utf8(body).ok()? })
}

impl Delivery {
    /// The body as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}
