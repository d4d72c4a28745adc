//! What measuring and load tests stand on: a server with many operators, a bank of callers and
//! operators' phones on two sockets, a generator of RTP, and what the kernel says of a process.
//!
//! The bank and the generator are one thread each and cheap: on two cores, what loads must not take
//! the place of what is measured.

mod bank;
mod caller;
mod node;
mod operator;
mod process;
mod rtp;
mod spread;

pub use bank::{Bank, Load, Outcome, Path, Side};
pub use node::{Node, OPERATORS};
pub use process::{Process, Usage, calibrate, load_average};
pub use rtp::{Heard, Rtp};
pub use spread::Spread;
