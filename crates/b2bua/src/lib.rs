//! Calls: joins sip, media and acd into one machine
#![forbid(unsafe_code)]
