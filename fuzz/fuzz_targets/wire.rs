//! Any bytes as a peer's side of a session.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| motet_runtime::session::fuzz::wire(data));
