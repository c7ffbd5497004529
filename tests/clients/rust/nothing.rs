//! Only for the versions in Cargo.toml and Cargo.lock: the tests are the crate's own.
