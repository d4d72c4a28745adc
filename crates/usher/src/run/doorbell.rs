//! How a thread that sleeps in [`Poll::wait`] learns that there is something for it: at most one
//! system call for each of its sleeps, none while it is awake.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst, fence};
use std::time::Duration;

use super::sys::{Bell, Poll, Ready};

/// Shared by the sleeper and all who may wake it.
#[derive(Debug)]
pub(super) struct Doorbell {
    bell: Bell,
    asleep: AtomicBool,
}

impl Doorbell {
    /// For a sleeper that is awake.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { bell: Bell::new()?, asleep: AtomicBool::new(false) })
    }

    /// Wakes the sleeper, if it sleeps. To be called after what it is to find was put there.
    pub(super) fn ring(&self) {
        // With the fence in `sleep`: either this sees it asleep, or it sees what was put there.
        fence(SeqCst);
        if self.asleep.load(SeqCst) && self.asleep.swap(false, SeqCst) {
            self.bell.ring();
        }
    }

    /// Sleeps at most `limit`, or not at all where `is_idle` finds something to do, until the bell
    /// or anything else that `poll` watches has something.
    pub(super) fn sleep(
        &self,
        poll: &Poll,
        ready: &mut Ready,
        limit: Option<Duration>,
        is_idle: impl FnOnce() -> bool,
    ) {
        self.asleep.store(true, SeqCst);
        fence(SeqCst);
        let limit = if is_idle() { limit } else { Some(Duration::ZERO) };
        let _ = poll.wait(ready, limit);
        // Who rang has taken the flag down.
        if !self.asleep.swap(false, SeqCst) {
            self.bell.hear();
        }
    }
}

impl AsFd for Doorbell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[test]
    fn nothing_that_was_put_there_is_slept_over() {
        const ROUNDS: u32 = 20_000;
        let (bell, poll) = (Arc::new(Doorbell::new().unwrap()), Poll::new().unwrap());
        poll.add(&*bell, 7).unwrap();
        let put = Arc::new(AtomicU32::new(0));
        let (ringer, counter) = (bell.clone(), put.clone());
        let thread = std::thread::spawn(move || {
            for _ in 0..ROUNDS {
                counter.fetch_add(1, SeqCst);
                ringer.ring();
            }
        });
        let (mut ready, mut seen) = (Ready::new(4), 0);
        while seen < ROUNDS {
            // A ring that were missed would hang here, with nothing to end it.
            let idle = || put.load(SeqCst) == seen;
            bell.sleep(&poll, &mut ready, None, idle);
            seen = put.load(SeqCst);
        }
        thread.join().unwrap();
    }
}
