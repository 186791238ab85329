//! The rows of `fits_files`: one per picture, spread over the sessions in the order they were taken.

use super::calendar::DAY;
use super::numbers::{Numbers, checksum};
use super::options::SampleOptions;
use super::sessions::Session;
use super::sky::{FILTERS, FILTERS_IN_USE, Sensor, TARGETS, Target};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Light,
    Dark,
    Flat,
    Bias,
}

impl Kind {
    /// The word in the header of the file.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Light => "LIGHT",
            Self::Dark => "DARK",
            Self::Flat => "FLAT",
            Self::Bias => "BIAS",
        }
    }
}

/// One picture, and the numbers from which its remaining values are drawn.
pub(super) struct Frame<'session> {
    pub(super) id: i64,
    pub(super) session: &'session Session,
    pub(super) session_id: Option<String>,
    pub(super) target: &'static Target,
    pub(super) kind: Kind,
    pub(super) filter: Option<&'static str>,
    pub(super) exposure: f64,
    pub(super) start: i64,
    pub(super) md5sum: String,
    /// Whether the star analysis has run on it.
    pub(super) analysed: bool,
    /// Whether it was moved since it was found.
    pub(super) moved: bool,
    pub(super) numbers: Numbers,
}

/// Returns the id of the file with a number; ids have holes.
pub(super) fn file_id(number: u32) -> i64 {
    i64::from(number) + 1 + i64::from(number) / 97
}

impl<'session> Frame<'session> {
    pub(super) fn new(options: &SampleOptions, sessions: &'session [Session], number: u32) -> Self {
        let mut numbers = Numbers::for_row(options.seed, 3, number);
        let place = u64::from(number) * sessions.len() as u64;
        let session = &sessions[(place / u64::from(options.files)) as usize];
        let within = place % u64::from(options.files) / sessions.len() as u64;
        let kind = match numbers.whole(1, 100) {
            1..=85 => Kind::Light,
            86..=92 => Kind::Dark,
            93..=97 => Kind::Flat,
            _ => Kind::Bias,
        };
        let exposure = match kind {
            Kind::Light | Kind::Dark => *numbers.pick(&[30.0, 60.0, 120.0, 180.0, 300.0, 600.0]),
            Kind::Flat => numbers.real(0.5, 4.0),
            Kind::Bias => 0.001,
        };
        let filtered =
            session.camera.sensor == Sensor::Mono && matches!(kind, Kind::Light | Kind::Flat);
        Self {
            id: file_id(number),
            session,
            session_id: session_id(options, session, number),
            target: &TARGETS[(session.day as usize + within as usize / 40) % TARGETS.len()],
            kind,
            filter: filtered.then(|| numbers.pick(&FILTERS[..FILTERS_IN_USE]).0),
            exposure,
            start: session.day * DAY + 68_400 + within as i64 * 310 % 40_000,
            md5sum: checksum(options.seed, original(options, number)),
            analysed: kind == Kind::Light && numbers.chance(80),
            moved: numbers.chance(20),
            numbers,
        }
    }
}

/// Returns the number of the file whose contents this one has: its own, except for the repeated ones.
fn original(options: &SampleOptions, number: u32) -> u32 {
    number.checked_sub(options.files - options.repeated_files()).unwrap_or(number)
}

fn session_id(options: &SampleOptions, session: &Session, number: u32) -> Option<String> {
    if number < options.lost_sessions {
        return Some(format!("lost_{number:06}"));
    }
    let in_no_session = options.sessions == 0 || number % 211 == 210;
    (!in_no_session).then(|| session.id.clone())
}
