//! The bar on a terminal: silent at first, then at most thirty redraws a second, on stderr.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use phaseshift::event::Stage;

/// How long a stage runs before a bar appears.
const PATIENCE: Duration = Duration::from_millis(250);
/// How often a bar is drawn again in a second.
const REDRAWS: u8 = 30;

/// At most one bar: that of the running stage.
pub(super) struct Bar {
    enabled: bool,
    running: Option<Running>,
}

struct Running {
    stage: Stage,
    subject: String,
    since: Instant,
    bar: Option<ProgressBar>,
}

impl Bar {
    pub(super) fn new(enabled: bool) -> Self {
        Self { enabled, running: None }
    }

    /// Notes how far a stage has come.
    pub(super) fn progress(&mut self, stage: Stage, subject: &str, done: u64, total: u64) {
        if !self.enabled {
            return;
        }
        let same = |it: &Running| it.stage == stage && it.subject == subject;
        if !self.running.as_ref().is_some_and(same) {
            self.clear();
            let subject = subject.to_owned();
            self.running = Some(Running { stage, subject, since: Instant::now(), bar: None });
        }
        let Some(running) = &mut self.running else { return };
        if running.bar.is_none() && running.since.elapsed() >= PATIENCE {
            running.bar = Some(draw(stage, subject, total));
        }
        if let Some(bar) = &running.bar {
            bar.set_position(done);
        }
    }

    /// Takes the bar away, so that a line can be written.
    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.running.take().and_then(|running| running.bar) {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
    }
}

fn draw(stage: Stage, subject: &str, total: u64) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(REDRAWS);
    let bar = ProgressBar::with_draw_target((total > 0).then_some(total), target);
    let template = if total > 0 {
        "  {msg} [{bar:30}] {percent:>3}%  {human_pos}/{human_len}  {eta} left"
    } else {
        "  {msg} {spinner} {human_pos}"
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(format!("{} {subject}", word(stage)));
    bar
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Backup => "Backing up",
        Stage::VerifyBackup => "Verifying the backup:",
        Stage::Copy => "Copying",
        Stage::Index => "Indexing",
        Stage::Proof => "Comparing",
        Stage::Check => "Checking",
        Stage::Restore => "Restoring",
    }
}
