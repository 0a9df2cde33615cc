//! Bytes to their destination: encoded payloads go out, or stand in the ledger.
