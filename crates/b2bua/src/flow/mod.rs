//! What happens in calls: one act, one file. Each is a part of [`crate::B2bua`].

mod after;
mod announce;
mod arrive;
mod ask;
mod attend;
mod bot;
mod brief;
mod callback;
mod click;
mod codes;
mod command;
mod conference;
mod connect;
mod context;
mod deliver;
mod destination;
mod dial;
mod dialled;
mod distribute;
pub(crate) mod divert;
mod dtmf;
mod early;
mod end;
mod explain;
pub(crate) mod help;
mod hook;
mod introduce;
mod join;
mod limit;
pub(crate) mod membership;
mod menu;
mod network;
mod operator;
mod outside;
mod part;
mod people;
mod play;
mod promise;
pub(crate) mod quality;
mod reason;
mod record;
mod refer;
mod reinvite;
mod relocate;
mod replace;
mod ring;
mod seats;
pub(crate) mod sound;
mod standing;
mod supervise;
pub(crate) mod switches;
mod tasks;
mod transfer;
mod transfer_order;
mod wait;
mod warm;

/// How long a caller who is left alone waits for whoever they talked with.
const ALONE: crate::Time = crate::Time::from_secs(2);
/// How long one who has transferred a call may take to leave it.
const LEAVE: crate::Time = crate::Time::from_secs(2);
/// How long somebody is rung where no queue says.
pub(crate) const DIAL_TIMEOUT: crate::Time = crate::Time::from_secs(60);
/// What a caller who is refused for want of room is told to wait.
const RETRY_AFTER_S: u32 = 10;
