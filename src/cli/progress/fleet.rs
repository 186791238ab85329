//! One line of progress for many files.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long a run lasts before a line appears.
const PATIENCE: Duration = Duration::from_millis(250);
/// How often the line is drawn again in a second.
const REDRAWS: u8 = 30;

/// The line of progress for many files.
pub struct FleetBar {
    wanted: bool,
    total: usize,
    since: Instant,
    bar: Option<ProgressBar>,
}

impl FleetBar {
    /// Begins a run of this number of files; the line is drawn only if it is wanted.
    pub fn new(wanted: bool, total: usize) -> Self {
        Self { wanted, total, since: Instant::now(), bar: None }
    }

    /// Notes how many files are done, and how many of them failed.
    pub fn progress(&mut self, done: usize, failed: usize) {
        if self.wanted && self.bar.is_none() && self.since.elapsed() >= PATIENCE {
            self.bar = Some(draw(self.total, self.since));
        }
        if let Some(bar) = &self.bar {
            bar.set_message(if failed > 0 { format!("{failed} failed") } else { String::new() });
            bar.set_position(done as u64);
        }
    }

    /// Writes something else while the line is away.
    pub fn around(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Takes the line away.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn draw(total: usize, since: Instant) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(REDRAWS);
    let bar = ProgressBar::with_draw_target(Some(total as u64), target);
    let template = "  {human_pos} of {human_len} files [{bar:30}] {percent:>3}%  {eta} left  {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.with_elapsed(since.elapsed())
}
