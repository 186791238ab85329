//! The small tables: cameras, telescopes, filter mappings, settings and logs.

use rusqlite::Connection;

use super::calendar::{DAY, moment};
use super::numbers::Numbers;
use super::options::SampleOptions;
use super::sessions::Session;
use super::sky::{CAMERAS, FILTERS, Sensor, TARGETS, TELESCOPES};
use super::writer::{row, text, write_rows};

/// Writes what the observatory owns and how the program is set up.
pub(super) fn write(connection: &Connection) -> rusqlite::Result<()> {
    write_rows(
        connection,
        "cameras",
        "id, name, x_pixels, y_pixels, pixel_size, binning_support, notes, active",
        (1..).zip(CAMERAS).map(|(id, camera)| {
            let binning = (camera.sensor != Sensor::Photographic).then(|| "1x1,2x2".to_owned());
            let (width, height) = (camera.width, camera.height);
            row![id, text(camera.name), width, height, camera.pixel, binning, None::<String>, 1]
        }),
    )?;
    write_rows(
        connection,
        "telescopes",
        "id, name, focal_length, aperture, telescope_type, notes, active",
        (1..).zip(TELESCOPES).map(|(id, tube)| {
            let sold = (tube.name == "C11").then(|| "sold in 2024".to_owned());
            let active = sold.is_none();
            row![
                id,
                text(tube.name),
                tube.focal_length,
                tube.aperture,
                text(tube.kind),
                sold,
                active
            ]
        }),
    )?;
    write_rows(
        connection,
        "filter_mappings",
        "id, raw_name, standard_name, filter_type, bandpass, notes",
        (1..).zip(FILTERS).map(|(id, (raw, standard, kind, bandpass))| {
            let bandpass = bandpass.map(str::to_owned);
            row![id, text(raw), text(standard), text(kind), bandpass, None::<String>]
        }),
    )?;
    write_rows(
        connection,
        "system_settings",
        "key, value, updated_at",
        SETTINGS.iter().map(|(key, value)| row![text(key), text(value), moment(19_400 * DAY)]),
    )
}

const SETTINGS: &[(&str, &str)] = &[
    ("image_dir", "/astro/lights"),
    ("incoming_dir", "/incoming"),
    ("extract_headers", "true"),
    ("default_observer", "Zoë Lindqvist"),
    ("theme", ""),
];

/// Writes what the program noted while it catalogued the sessions.
pub(super) fn write_logs(
    connection: &Connection,
    options: &SampleOptions,
    sessions: &[Session],
) -> rusqlite::Result<()> {
    write_rows(
        connection,
        "process_log",
        "id, session_name, object, image_type, create_date, status, notes, files_processed, \
         files_failed",
        (0..options.sessions).zip(sessions).map(|(number, session)| {
            let mut numbers = Numbers::for_row(options.seed, 4, number);
            let object = text(numbers.pick(TARGETS).name);
            let failed = if numbers.chance(8) { numbers.whole(1, 9) } else { 0 };
            let notes = (failed > 0).then(|| "unreadable headers".to_owned());
            let created = moment((session.day + 1) * DAY + 30_000);
            let id = i64::from(number) + 1;
            let done = numbers.whole(10, 120);
            let name = session.id.clone();
            row![id, name, object, text("LIGHT"), created, failed > 0, notes, done, failed]
        }),
    )?;
    write_rows(
        connection,
        "object_processing_log",
        "id, filename, raw_object_name, proposed_object_name, error_message, created_at",
        (1_i64..).zip(TARGETS).map(|(id, target)| {
            let raw = target.name.replace(' ', "_").to_lowercase();
            let problem = (id % 5 == 0).then(|| "no such object".to_owned());
            let created = moment(19_400 * DAY + id * 61);
            row![id, format!("{raw}_0001.fits"), raw, text(target.name), problem, created]
        }),
    )
}
