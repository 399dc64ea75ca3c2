//! Any bytes as a source file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| motet_compiler::parse::fuzz(data));
