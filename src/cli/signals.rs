//! Signals become a request to stop, which is answered at once, and I/O errors.

use std::sync::atomic::AtomicBool;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use phaseshift::event::Interrupt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use super::args::{Global, ProgressChoice};
use super::output;

/// How long the program may take to stop before it says that it heard the request.
const PATIENCE: Duration = Duration::from_millis(60);

const STOPPING: &str =
    "Interrupted: stopping at the next safe point. The last message will say what the file holds.";

/// The watch for signals, until the outcome is printed.
#[derive(Debug, Clone)]
pub struct Watch(Arc<Mutex<Option<NoticeFormat>>>);

/// How a request to stop is answered.
#[derive(Debug, Clone, Copy)]
enum NoticeFormat {
    Text,
    Json,
}

impl Watch {
    /// Ends the watch: from now on a signal is not reported.
    pub fn end(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Says that the request was heard, unless the outcome is about to be told.
    fn answer(&self) {
        std::thread::sleep(PATIENCE);
        let mut answer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match answer.take() {
            Some(NoticeFormat::Json) => output::event(&serde_json::json!({"event": "interrupted"})),
            Some(NoticeFormat::Text) => output::over_bar(STOPPING),
            None => {}
        }
    }
}

/// Lets Ctrl-C, TERM and the end of the terminal ask the engine to stop, wherever it is.
///
/// Taking back what was begun lasts as long as writing it did; a second signal is answered at once.
///
/// SIGXFSZ and SIGPIPE get a handler that does nothing, so that a full quota and a closed pipe come
/// back as errors of the write. A system that refuses a handler keeps its own. So do all signals if no
/// thread can be started: they then end the program at once, and SQLite rolls back at the next look.
pub fn watch(interrupt: &Interrupt, global: &Global) -> Watch {
    for signal in [SIGXFSZ, SIGPIPE] {
        let _ = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)));
    }
    let answer = match (global.quiet, global.progress) {
        (_, ProgressChoice::Json) => Some(NoticeFormat::Json),
        (true, _) => None,
        (false, _) => Some(NoticeFormat::Text),
    };
    let watch = Watch(Arc::new(Mutex::new(answer)));
    let (interrupt, own) = (interrupt.clone(), watch.clone());
    let (sender, receiver) = channel::<Signals>();
    let listen = move || {
        let Ok(mut signals) = receiver.recv() else { return };
        for _ in signals.forever() {
            interrupt.request();
            own.answer();
        }
    };
    // In this order: a handler without a listener would make the program impossible to stop.
    if Builder::new().name("signals".to_owned()).spawn(listen).is_ok()
        && let Ok(signals) = Signals::new([SIGINT, SIGTERM, SIGHUP])
    {
        // The listener waits for it.
        drop(sender.send(signals));
    }
    watch
}
