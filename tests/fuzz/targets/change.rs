#![no_main]
#![allow(missing_docs)]

#[path = "../../records/hostile/inputs.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|input: &[u8]| hostile::change(input));
