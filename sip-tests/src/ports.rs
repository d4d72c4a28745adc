//! A hundred ports for each server and its peers, so that tests may run beside each other.

use std::net::{TcpListener, UdpSocket};

/// The first port of the first slot; below what the system hands out by itself.
const FIRST: u16 = 10_000;
const PER_SLOT: u16 = 100;
const SLOTS: u16 = 95;

/// A slot of ports on 127.0.0.1, taken until this is dropped.
#[derive(Debug)]
pub struct Ports {
    first: u16,
    _guard: TcpListener,
}

impl Ports {
    /// Takes a slot in which every port is free.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn take() -> Self {
        // Another process starts elsewhere: less to step over.
        let start = u16::try_from(std::process::id() % u32::from(SLOTS)).unwrap_or(0);
        (0..SLOTS)
            .map(|n| FIRST + (start + n) % SLOTS * PER_SLOT)
            .find_map(Self::slot)
            .expect("a slot of free ports between 10000 and 19500")
    }

    fn slot(first: u16) -> Option<Self> {
        let guard = TcpListener::bind(("127.0.0.1", first + PER_SLOT - 1)).ok()?;
        let free = (first..first + PER_SLOT).all(|port| UdpSocket::bind(("0.0.0.0", port)).is_ok())
            && TcpListener::bind(("127.0.0.1", first)).is_ok()
            && TcpListener::bind(("127.0.0.1", first + 1)).is_ok();
        free.then_some(Self { first, _guard: guard })
    }

    /// Where the server listens for SIP.
    #[must_use]
    pub fn sip(&self) -> u16 {
        self.first
    }

    /// Where it listens for HTTP.
    #[must_use]
    pub fn http(&self) -> u16 {
        self.first + 1
    }

    /// The first and the last port of its media.
    #[must_use]
    pub fn media(&self) -> (u16, u16) {
        (self.first + 2, self.first + 61)
    }

    /// One for a peer, by a number from 0 to 34 that the test gives out.
    #[must_use]
    pub fn peer(&self, number: u16) -> u16 {
        assert!(number < 35, "there are 35 ports for peers");
        self.first + 64 + number
    }
}
