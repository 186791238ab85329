//! Signals become a request to stop, which is answered at once, and I/O errors.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use phaseshift::event::Interrupt;
use phaseshift::exit;
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGXFSZ};
use signal_hook::flag::{register, register_conditional_shutdown};
use signal_hook::iterator::Signals;

use super::args::{Global, ProgressChoice};
use super::output;

/// How long the program may take to stop before it says that it heard the request.
const PATIENCE: Duration = Duration::from_millis(60);

/// How long after the first request a further one ends the program at once: a terminal that closes may send two.
const FORCED_AFTER: Duration = Duration::from_secs(2);

/// The requests to stop.
const STOPS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

const STOPPING: &str =
    "Interrupted: stopping at the next safe point. The last message will say what the file holds.";

const STILL_STOPPING: &str = "Still stopping. Another Ctrl-C ends the program at once: a database that is being \
                              written is then rolled back when it is next opened.";

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

    /// Says something about the request to stop, unless the outcome is about to be told.
    fn say(&self, event: &str, text: &str) {
        let answer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *answer {
            Some(NoticeFormat::Json) => output::event(&serde_json::json!({"event": event})),
            Some(NoticeFormat::Text) => output::over_bar(text),
            None => {}
        }
    }
}

/// Asks the engine to stop at the first signal, and lets a later one end the program.
struct Listener {
    interrupt: Interrupt,
    watch: Watch,
    forced: Arc<AtomicBool>,
}

impl Listener {
    fn listen(self, mut signals: Signals) {
        let mut first = true;
        for _ in signals.forever() {
            self.interrupt.request();
            if std::mem::take(&mut first) {
                // First: saying something may wait for a terminal that takes nothing.
                self.allow_force();
                std::thread::sleep(PATIENCE);
                self.watch.say("interrupted", STOPPING);
            }
        }
    }

    /// Lets further signals end the program, a while after the first: a statement in one long step of SQLite looks at
    /// no request to stop. That is as safe as being killed.
    fn allow_force(&self) {
        let (watch, forced) = (self.watch.clone(), Arc::clone(&self.forced));
        let later = move || {
            std::thread::sleep(FORCED_AFTER);
            forced.store(true, Ordering::SeqCst);
            watch.say("still-stopping", STILL_STOPPING);
        };
        drop(Builder::new().name("force".to_owned()).spawn(later));
    }
}

/// Lets Ctrl-C, TERM and the end of the terminal ask the engine to stop, wherever it is.
///
/// Taking back what was begun lasts as long as writing it did. A further signal two seconds later ends the program.
///
/// SIGXFSZ and SIGPIPE get a handler that does nothing, so that a full quota and a closed pipe come
/// back as errors of the write. A system that refuses a handler keeps its own. So do all signals if no
/// thread can be started: they then end the program at once, and SQLite rolls back at the next look.
pub fn watch(interrupt: &Interrupt, global: &Global) -> Watch {
    for signal in [SIGXFSZ, SIGPIPE] {
        let _ = register(signal, Arc::new(AtomicBool::new(false)));
    }
    let answer = match (global.quiet, global.progress) {
        (_, ProgressChoice::Json) => Some(NoticeFormat::Json),
        (true, _) => None,
        (false, _) => Some(NoticeFormat::Text),
    };
    let watch = Watch(Arc::new(Mutex::new(answer)));
    let forced = Arc::new(AtomicBool::new(false));
    let (interrupt, listened) = (interrupt.clone(), watch.clone());
    let listener = Listener { interrupt, watch: listened, forced: Arc::clone(&forced) };
    let (sender, receiver) = channel::<Signals>();
    let listen = move || {
        if let Ok(signals) = receiver.recv() {
            listener.listen(signals);
        }
    };
    // In this order: a handler without a listener would make the program impossible to stop.
    if Builder::new().name("signals".to_owned()).spawn(listen).is_ok()
        && let Ok(signals) = Signals::new(STOPS)
    {
        for signal in STOPS {
            let code = i32::from(exit::INTERRUPTED);
            let _ = register_conditional_shutdown(signal, code, Arc::clone(&forced));
        }
        // The listener waits for it.
        drop(sender.send(signals));
    }
    watch
}
