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
    running: Option<Running>,
}

struct Running {
    stage: Stage,
    subject: String,
    since: Instant,
    bar: Option<ProgressBar>,
}

impl Bar {
    pub(super) const fn new() -> Self {
        Self { running: None }
    }

    /// Notes how far a stage has come.
    pub(super) fn progress(&mut self, stage: Stage, subject: &str, done: u64, total: u64) {
        let same = |it: &Running| it.stage == stage && it.subject == subject;
        if !self.running.as_ref().is_some_and(same) {
            self.clear();
            let subject = subject.to_owned();
            self.running = Some(Running { stage, subject, since: Instant::now(), bar: None });
        }
        let Some(running) = &mut self.running else { return };
        if running.bar.is_none() && running.since.elapsed() >= PATIENCE {
            running.bar = Some(draw(stage, subject, (done, total)));
        }
        if let Some(bar) = &running.bar {
            bar.set_position(done);
            bar.tick();
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

fn draw(stage: Stage, subject: &str, (done, total): (u64, u64)) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(REDRAWS);
    let bar = ProgressBar::with_draw_target((total > 0).then_some(total), target);
    let bytes = matches!(stage, Stage::Backup | Stage::Restore);
    let template = match (total, done) {
        (1.., _) if bytes => "  {msg} [{bar:30}] {percent:>3}%  {bytes}/{total_bytes}  {eta} left",
        (1.., _) => "  {msg} [{bar:30}] {percent:>3}%  {human_pos}/{human_len}  {eta} left",
        (0, 1..) => "  {msg} {spinner} {human_pos}",
        (0, 0) => "  {msg} {spinner} {elapsed}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(format!("{} {subject}", word(stage)));
    bar
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Look => "Looking at the rows of",
        Stage::Backup => "Backing up",
        Stage::VerifyBackup => "Verifying the backup:",
        Stage::Copy => "Copying",
        Stage::Index => "Indexing",
        Stage::Data => "Running",
        Stage::Proof => "Comparing",
        Stage::Check => "Checking",
        Stage::Restore => "Restoring",
    }
}
