//! The nights: which camera stood behind which telescope, where, and in what weather.

use rusqlite::Connection;

use super::calendar::{DAY, date, moment};
use super::numbers::Numbers;
use super::options::SampleOptions;
use super::sky::{CAMERAS, Camera, OBSERVERS, SITES, Site, TELESCOPES, Telescope};
use super::writer::{Writer, row, text};

/// 2023-01-01: the first night of the sample.
const FIRST_NIGHT: i64 = 19_358;
/// Sessions beyond this number share their nights, so that the years stay believable.
const NIGHTS_ALONE: u32 = 1_200;
/// How many sessions a shared night has; fewer than there are pairs of camera and telescope.
const SHARED: u32 = 24;

/// One night with one camera.
pub(super) struct Session {
    pub(super) id: String,
    pub(super) day: i64,
    pub(super) date: String,
    pub(super) camera: &'static Camera,
    pub(super) telescope: &'static Telescope,
    pub(super) site: &'static Site,
    pub(super) observer: &'static str,
    /// Whether the mount was guided, and its values written into the headers.
    pub(super) guided: bool,
    /// Whether a weather station wrote its values into the headers.
    pub(super) weather: bool,
    /// Whether a Boltwood cloud sensor did.
    pub(super) boltwood: bool,
}

impl Session {
    /// Makes up the session of a number; the same number always gives the same session.
    pub(super) fn new(options: &SampleOptions, number: u32) -> Self {
        let mut numbers = Numbers::for_row(options.seed, 1, number);
        let shared = if options.sessions > NIGHTS_ALONE { SHARED } else { 1 };
        let night = number / shared;
        let pair = (number % shared + night * 7) as usize;
        let camera = &CAMERAS[pair % CAMERAS.len()];
        let telescope = &TELESCOPES[pair / CAMERAS.len() % TELESCOPES.len()];
        let day = FIRST_NIGHT + i64::from(night) * 4 + i64::from(night % 3);
        let date = date(day);
        let mut id = format!("{date}_{}_{}", camera.name, telescope.name);
        if options.odd_id && number == 2 {
            id = format!("{date}_Bärenhöhle \u{263E}\0'\"_{}", telescope.name);
        }
        Self {
            id,
            day,
            date,
            camera,
            telescope,
            site: numbers.pick(SITES),
            observer: *numbers.pick::<&str>(OBSERVERS),
            guided: numbers.chance(70),
            weather: numbers.chance(50),
            boltwood: numbers.chance(10),
        }
    }
}

/// Makes up all sessions; at least one, so that files always have a night, even if no row tells of it.
pub(super) fn sessions(options: &SampleOptions) -> Vec<Session> {
    let mut sessions: Vec<Session> =
        (0..options.sessions.max(1)).map(|number| Session::new(options, number)).collect();
    let repeated = options.repeated_sessions() as usize;
    for number in 0..repeated {
        let copy = sessions[number].id.clone();
        let last = sessions.len() - repeated + number;
        sessions[last].id = copy;
    }
    sessions
}

/// Writes the rows of `sessions`, with holes among their rowids.
pub(super) fn write(
    connection: &Connection,
    options: &SampleOptions,
    sessions: &[Session],
) -> rusqlite::Result<()> {
    let mut writer = Writer::new(connection, "sessions", COLUMNS)?;
    for (number, session) in (0..options.sessions).zip(sessions) {
        let mut numbers = Numbers::for_row(options.seed, 2, number);
        let rowid = i64::from(number) + 1 + i64::from(number) / 13;
        let measured = numbers.chance(60);
        let notes = numbers.chance(25).then(|| format!("Moon {} %", numbers.whole(0, 100)));
        let morning = moment((session.day + 1) * DAY + numbers.whole(25_000, 40_000));
        let updated = numbers.chance(30).then(|| moment((session.day + 9) * DAY + 61_000));
        writer.put(&row![
            rowid,
            session.id.clone(),
            session.date.clone(),
            text(session.telescope.name),
            text(session.camera.name),
            text(session.site.name),
            session.site.latitude,
            session.site.longitude,
            session.site.elevation,
            text(session.observer),
            notes,
            measured.then(|| numbers.real(1.2, 4.5)),
            measured.then(|| numbers.real(18.0, 21.9)),
            measured.then(|| numbers.real(0.0, 60.0)),
            morning,
            updated,
        ])?;
    }
    Ok(())
}

const COLUMNS: &str = "rowid, session_id, session_date, telescope, camera, site_name, latitude, longitude, \
     elevation, observer, notes, avg_seeing, avg_sky_quality, avg_cloud_cover, created_at, \
     updated_at";
