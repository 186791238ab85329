//! Signals become a request to stop, and I/O errors.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use phaseshift::event::Interrupt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

/// Lets Ctrl-C, TERM and the end of the terminal ask the engine to stop, wherever it is.
///
/// SIGXFSZ and SIGPIPE get a handler that does nothing, so that a full quota and a closed pipe come
/// back as errors of the write. A system that refuses a handler keeps its own.
pub fn watch(interrupt: &Interrupt) {
    for signal in [SIGXFSZ, SIGPIPE] {
        let _ = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)));
    }
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
    let interrupt = interrupt.clone();
    std::thread::spawn(move || {
        for _ in signals.forever() {
            interrupt.request();
        }
    });
}
