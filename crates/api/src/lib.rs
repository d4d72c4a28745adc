//! HTTP, WebSocket events, metrics
#![forbid(unsafe_code)]
