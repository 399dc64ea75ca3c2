//! Any bytes as a Bristol Fashion circuit.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| motet_circuits::fuzz::bristol(data));
