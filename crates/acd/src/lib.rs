//! Queues, operators, tasks, reservations
#![forbid(unsafe_code)]
