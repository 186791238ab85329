//! The bar on a terminal: silent at first, then at most thirty redraws a second, on stderr.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use phaseshift::event::Stage;

use crate::cli::output::escaped;

/// How long a stage runs before a bar appears.
const PATIENCE: Duration = Duration::from_millis(250);
/// How often a bar is drawn again in a second.
const REDRAWS: u8 = 30;

thread_local! {
    /// At most one bar is on the screen, whatever reports progress.
    static BAR: RefCell<Bar> = const { RefCell::new(Bar::new()) };
}

/// Takes the bar away, so that a line can be written.
pub fn clear_bar() {
    BAR.with_borrow_mut(Bar::clear);
}

/// Shows how far a stage has come.
pub(super) fn show_progress(stage: Stage, subject: &str, done: u64, total: u64) {
    BAR.with_borrow_mut(|bar| bar.progress(stage, subject, done, total));
}

/// At most one bar: that of the running stage.
struct Bar {
    running: Option<Running>,
}

struct Running {
    stage: Stage,
    subject: String,
    since: Instant,
    bar: Option<ProgressBar>,
}

impl Bar {
    const fn new() -> Self {
        Self { running: None }
    }

    fn progress(&mut self, stage: Stage, subject: &str, done: u64, total: u64) {
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

    fn clear(&mut self) {
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
    let bytes = is_file(subject);
    let template = match (total, done) {
        (1.., _) if bytes => "  {msg} [{bar:30}] {percent:>3}%  {bytes}/{total_bytes}  {eta} left",
        (1.., _) => "  {msg} [{bar:30}] {percent:>3}%  {human_pos}/{human_len}  {eta} left",
        (0, 1..) => "  {msg} {spinner} {human_pos}",
        (0, 0) => "  {msg} {spinner} {elapsed}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(format!("{} {}", word(stage), shown(&escaped(subject))));
    bar
}

/// Files are told by their paths, and counted in bytes.
fn is_file(subject: &str) -> bool {
    subject.contains('/')
}

/// The most characters of a subject: the line has to fit on a narrow terminal.
const WIDEST: usize = 36;

/// A subject as the bar names it: a file without its folder, and nothing too long.
fn shown(subject: &str) -> String {
    let name = if is_file(subject) { subject.rsplit('/').next() } else { None };
    let name = name.unwrap_or(subject);
    // A file that has no name yet is named after what it will be.
    let part = name.strip_suffix(".part").and_then(|it| it.rsplit_once('.'));
    let name = part.map_or(name, |(target, _)| target);
    let length = name.chars().count();
    if length <= WIDEST {
        return name.to_owned();
    }
    let end: String = name.chars().skip(length - WIDEST / 2).collect();
    let start: String = name.chars().take(WIDEST / 2 - 3).collect();
    format!("{start}...{end}")
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Preflight => "Looking at the rows of",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_backup_made_the_bar_wider_than_the_terminal() {
        assert_eq!(shown("fits_files"), "fits_files");
        assert_eq!(shown("/home/ada/astro/fits_catalog.db"), "fits_catalog.db");
        let part = "/b/fits_catalog_pre_phase3_20261127_191826.db.30300.part";
        assert_eq!(shown(part), "fits_catalog_pr...20261127_191826.db");
        assert_eq!(shown(&"ä".repeat(90)).chars().count(), WIDEST);
        assert!(is_file(part) && !is_file("pages and rows"));
    }
}
