//! Any bytes as the payload of an artifact.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = motet_program::artifact::decode(data);
});
