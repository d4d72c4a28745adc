//! System calls the standard library lacks. All are safe wrappers of rustix: no `unsafe` here, and
//! none anywhere else either.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{ClockId, clock_nanosleep_absolute};
use rustix::time::Timespec;

/// Raises the soft limit of open files to the hard one; says what holds now.
pub(super) fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised,
        Err(_) => limit,
    };
    limit.current.unwrap_or(u64::MAX)
}

/// Has the kernel make room for so many open files at once. Later, with threads, each doubling of
/// that table would wait for all processors to pass by, ten milliseconds and more.
pub(super) fn make_room_for_files(count: u64) {
    let Ok(highest) = i32::try_from(count.saturating_sub(1)) else { return };
    // The copy is closed at once, the room stays; without it only the start is slower.
    let _ = rustix::io::fcntl_dupfd_cloexec(io::stderr(), highest);
}

/// Has the kernel hold so many octets that came and were not read, whatever its limit.
///
/// # Errors
/// Without the right to it (CAP_NET_ADMIN).
pub(super) fn force_receive_buffer(socket: impl AsFd, octets: usize) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_recv_buffer_size_force(socket, octets)?)
}

/// The monotonic clock, since some fixed moment.
pub(super) fn monotonic() -> Duration {
    let time = rustix::time::clock_gettime(ClockId::Monotonic);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// Sleeps until the monotonic clock shows `at`; a moment that has passed returns at once.
pub(super) fn sleep_until(at: Duration) {
    let Ok(at) = Timespec::try_from(at) else { return };
    while clock_nanosleep_absolute(ClockId::Monotonic, &at) == Err(rustix::io::Errno::INTR) {}
}

/// Wakes a thread that sleeps in [`Poll::wait`].
#[derive(Debug)]
pub(super) struct Bell(OwnedFd);

impl Bell {
    /// A bell that has not rung.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Rings it. It stays rung until it is heard.
    pub(super) fn ring(&self) {
        // Only a full counter refuses, and that one is rung already.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Silences it.
    pub(super) fn hear(&self) {
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Tells which of many descriptors can be read; level-triggered, so nothing that was left unread
/// is forgotten.
#[derive(Debug)]
pub(super) struct Poll(OwnedFd);

/// Room for what [`Poll::wait`] finds; cannot leave its thread.
pub(super) struct Ready(Vec<epoll::Event>);

impl Ready {
    /// For so many at once.
    pub(super) fn new(at_once: usize) -> Self {
        Self(Vec::with_capacity(at_once))
    }
}

impl Poll {
    /// An empty set.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(epoll::CreateFlags::CLOEXEC)?))
    }

    /// Adds a descriptor under a token.
    pub(super) fn add(&self, source: impl AsFd, token: u64) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token);
        Ok(epoll::add(&self.0, source, data, epoll::EventFlags::IN)?)
    }

    /// The tokens of what can be read now, after at most `limit`; forever where there is none.
    pub(super) fn wait<'a>(
        &self,
        ready: &'a mut Ready,
        limit: Option<Duration>,
    ) -> impl Iterator<Item = u64> + use<'a> {
        ready.0.clear();
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        // An interrupted wait is an empty one: the caller comes again.
        let room = rustix::buffer::spare_capacity(&mut ready.0);
        let _ = epoll::wait(&self.0, room, limit.as_ref());
        ready.0.iter().map(|event| event.data.u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_is_heard_once_by_whoever_polls() {
        let (bell, poll, mut ready) = (Bell::new().unwrap(), Poll::new().unwrap(), Ready::new(4));
        let mut heard = |limit| poll.wait(&mut ready, limit).collect::<Vec<_>>();
        poll.add(&bell, 7).unwrap();
        assert!(heard(Some(Duration::ZERO)).is_empty());
        bell.ring();
        bell.ring();
        assert_eq!(heard(None), [7]);
        assert_eq!(heard(None), [7], "level-triggered");
        bell.hear();
        assert!(heard(Some(Duration::ZERO)).is_empty());
    }

    #[test]
    fn sleeping_until_a_moment_reaches_it() {
        let at = monotonic() + Duration::from_micros(200);
        sleep_until(at);
        assert!(monotonic() >= at);
        sleep_until(Duration::ZERO);
    }
}
