//! Any bytes as an entry of a store.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| motet_runtime::session::fuzz::store(data));
