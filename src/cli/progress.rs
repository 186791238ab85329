//! The events of the engine as lines, bars, or JSON lines.

mod bar;
mod fleet;

use phaseshift::database::{WaitListener, holders, listen_to_waits};
use phaseshift::event::{Event, Observer, ProgressListener, listen_to_progress};

use super::args::ProgressChoice;
use super::context::{Context, Output};
use super::output;
use super::screens::run::{RunScreen, Subject};
pub use bar::clear_bar;
use bar::show_progress;
pub use fleet::FleetBar;

/// Shows how far a stage has come, unless the person asked to stop.
fn show(context: &Context, event: &Event) {
    let Event::Progress { stage, subject, done, total } = event else { return };
    let wanted = context.terminal.bars
        && context.output == Output::Text
        && context.progress == ProgressChoice::Auto;
    if wanted && !context.interrupt.requested() {
        show_progress(*stage, subject, *done, *total);
    } else {
        clear_bar();
    }
}

fn tell_as_json(event: &Event) {
    output::event(&serde_json::to_value(event).unwrap_or_default());
}

/// Shows how far single statements have come, until the listener is dropped.
pub fn tell_of_progress(context: &Context) -> ProgressListener {
    let context = context.clone();
    listen_to_progress(move |event| {
        if context.progress == ProgressChoice::Json {
            tell_as_json(event);
        }
        show(&context, event);
    })
}

/// Takes the events of a run: steps and results go to stdout, progress to stderr.
pub struct Reporter<'c> {
    context: &'c Context,
    screen: RunScreen,
}

impl<'c> Reporter<'c> {
    /// Makes a reporter; the subject says what the lines are about.
    pub fn new(context: &'c Context, subject: Subject) -> Self {
        Self { context, screen: RunScreen::new(subject, context.terminal.out, context.verbose) }
    }

    /// Makes a reporter of work that has one subject.
    pub fn plain(context: &'c Context) -> Self {
        Self::new(context, Subject::default())
    }
}

/// The bar goes with its reporter. A step that still runs then has failed: nothing is printed for it.
impl Drop for Reporter<'_> {
    fn drop(&mut self) {
        clear_bar();
    }
}

impl Observer for Reporter<'_> {
    fn event(&mut self, event: &Event) {
        if self.context.progress == ProgressChoice::Json {
            tell_as_json(event);
        }
        match event {
            Event::Progress { .. } => show(self.context, event),
            Event::Waiting { .. } | Event::Notice { .. } => {
                if self.context.progress != ProgressChoice::Json {
                    self.context.remark(&RunScreen::remark(event));
                }
            }
            _ => {
                let text = self.screen.lines(event);
                if !text.is_empty() {
                    self.context.say(&text);
                }
            }
        }
    }
}

/// Says for whom the engine waits, whenever it does, until the listener is dropped.
pub fn tell_of_waits(context: &Context) -> Option<WaitListener> {
    let files = context.files();
    let database = context.settings.database.as_ref()?;
    let database = files.canonical(database).unwrap_or_else(|_| database.clone());
    let (progress, form, style) = (context.progress, context.output, context.terminal.err);
    Some(listen_to_waits(move || {
        let holders = holders(&database, files.as_ref()).iter().map(ToString::to_string).collect();
        let event = Event::Waiting { holders };
        match progress {
            ProgressChoice::Json => tell_as_json(&event),
            _ if form == Output::Text => {
                output::remark(&format!("{}\n", RunScreen::remark(&event)), style);
            }
            _ => {}
        }
    }))
}
