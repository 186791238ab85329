#![no_main]
#![allow(missing_docs)]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    // In memory where the system has such a folder.
    let folder = std::path::Path::new("/dev/shm");
    let folder = if folder.is_dir() { folder.to_owned() } else { std::env::temp_dir() };
    let file = folder.join(format!("phaseshift_records_{}.db", std::process::id()));
    support::crafted::judge(input, &file, &mut support::crafted::Tally::default());
});
