//! Writes a sample catalogue of any size into a new file: `cargo run --release --example catalogue FILE ROWS`.
//!
//! `scripts/bench` measures on these. A million files take about 0.9 GB.

use std::path::Path;
use std::process::ExitCode;

use phaseshift::sample::{SampleOptions, write_catalogue};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, rows] = arguments.as_slice() else {
        eprintln!("catalogue FILE ROWS");
        return ExitCode::from(2);
    };
    let Ok(files) = rows.parse::<u32>() else {
        eprintln!("{rows} is no number of rows");
        return ExitCode::from(2);
    };
    // One session for fifty files, and the links that go with them, as in the real catalogue.
    let sessions = (files / 50).max(1);
    let options = SampleOptions { files, sessions, links: files / 7, ..SampleOptions::default() };
    match write_catalogue(Path::new(file), &options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{file}: {error}");
            ExitCode::FAILURE
        }
    }
}
