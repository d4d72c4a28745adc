//! Call records in SQLite
#![forbid(unsafe_code)]
