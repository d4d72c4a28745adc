//! RTP legs, SDP, the conference mixer
#![forbid(unsafe_code)]
