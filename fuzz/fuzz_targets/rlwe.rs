//! Any bytes as the messages of encrypted products.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| motet_runtime::rlwe::fuzz::messages(data));
