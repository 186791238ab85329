//! The events of the engine as lines, bars, or JSON lines.

mod bar;
mod events;

use std::io::Write as _;

use phaseshift::database::{WaitListener, holders, listen_to_waits};
use phaseshift::event::{Event, Observer};

use super::args::ProgressChoice;
use super::context::{Context, Output};
use super::screens::run::{RunScreen, Subject};
use bar::Bar;

/// Takes the events of a run: steps and results go to stdout, progress to stderr.
pub struct Reporter<'c> {
    context: &'c Context,
    screen: RunScreen,
    bar: Bar,
}

impl<'c> Reporter<'c> {
    /// Makes a reporter; the subject says what the lines are about.
    pub fn new(context: &'c Context, subject: Subject) -> Self {
        let bars = context.terminal.bars
            && context.output == Output::Text
            && context.progress == ProgressChoice::Auto;
        Self {
            context,
            screen: RunScreen::new(subject, context.terminal.out, context.verbose),
            bar: Bar::new(bars),
        }
    }

    /// Writes what is still to be said, and takes the bar away.
    pub fn finish(&mut self) {
        self.bar.clear();
        let text = self.screen.finish();
        self.context.say(&text);
    }
}

impl Observer for Reporter<'_> {
    fn event(&mut self, event: &Event) {
        if self.context.progress == ProgressChoice::Json {
            // Progress that nobody reads stops nothing.
            let _ = writeln!(std::io::stderr().lock(), "{}", events::json(event));
        }
        match event {
            Event::Progress { stage, subject, done, total } => {
                self.bar.progress(*stage, subject, *done, *total);
            }
            Event::Waiting { .. } | Event::Notice { .. } => {
                self.bar.clear();
                if self.context.progress != ProgressChoice::Json {
                    self.context.remark(&RunScreen::remark(event));
                }
            }
            _ => {
                let text = self.screen.lines(event);
                if !text.is_empty() {
                    self.bar.clear();
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
    let (progress, output) = (context.progress, context.output);
    Some(listen_to_waits(move || {
        let holders = holders(&database, files.as_ref()).iter().map(ToString::to_string).collect();
        let event = Event::Waiting { holders };
        let text = match progress {
            ProgressChoice::Json => events::json(&event).to_string(),
            _ if output == Output::Text => RunScreen::remark(&event),
            _ => return,
        };
        // A line that nobody reads stops nothing.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }))
}
