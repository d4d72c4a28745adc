//! SIP as the RFCs define it: messages, transactions, dialogs, registrar
#![forbid(unsafe_code)]
