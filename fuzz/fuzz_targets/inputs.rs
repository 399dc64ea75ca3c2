//! Any bytes as a data file, in every format.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| motet_cli::input::fuzz(data));
