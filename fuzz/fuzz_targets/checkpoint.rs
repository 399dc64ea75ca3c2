//! Any bytes as what the seal of a checkpoint holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| motet_runtime::session::fuzz::checkpoint(data));
