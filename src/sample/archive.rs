//! The tables of the archive in the cloud. Three of them have a `session_id` without a foreign key:
//! those columns keep their name in Phase 3.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::calendar::{DAY, moment, year};
use super::numbers::{Numbers, checksum};
use super::options::SampleOptions;
use super::processing;
use super::sessions::Session;
use super::writer::{row, text, write_rows};

const BUCKET: &str = "astro-archive";
const REGION: &str = "eu-central-1";

/// Writes what was archived: the older half of the sessions, and every processing session.
pub(super) fn write(
    connection: &Connection,
    options: &SampleOptions,
    sessions: &[Session],
) -> rusqlite::Result<()> {
    write_archives(connection, options, sessions)?;
    write_session_notes(connection, options, sessions)?;
    write_processing(connection, options)?;
    write_log(connection, options, sessions)?;
    write_settings(connection)
}

/// The sessions that are archived, each with the id of its archive.
fn archived<'session>(
    options: &SampleOptions,
    sessions: &'session [Session],
) -> impl Iterator<Item = (u32, &'session Session)> {
    (1..=options.sessions / 2).zip(sessions)
}

fn write_archives(
    connection: &Connection,
    options: &SampleOptions,
    sessions: &[Session],
) -> rusqlite::Result<()> {
    let columns = "id, session_id, session_date, session_year, s3_bucket, s3_key, s3_region, s3_etag, \
         file_count, verified, notes";
    let rows = archived(options, sessions).map(|(number, session)| {
        let mut numbers = Numbers::for_row(options.seed, 8, number);
        let (id, date) = (session.id.clone(), session.date.clone());
        let key = format!("sessions/{}.tar.zst", session.id);
        let tag = checksum(options.seed ^ 8, number);
        let (files, checked) = (numbers.whole(20, 90), numbers.chance(80));
        let (bucket, region) = (text(BUCKET), text(REGION));
        let taken = year(session.day);
        row![number, id, date, taken, bucket, key, region, tag, files, checked, None::<String>]
    });
    write_rows(connection, "s3_backup_archives", columns, rows)
}

fn write_session_notes(
    connection: &Connection,
    options: &SampleOptions,
    sessions: &[Session],
) -> rusqlite::Result<()> {
    let columns = "id, session_id, session_year, s3_bucket, s3_key, s3_region, s3_etag, uploaded_at, \
         verified";
    let noted = archived(options, sessions).filter(|(number, _)| number % 4 == 0);
    let rows = noted.map(|(number, session)| {
        let key = format!("notes/{}.md", session.id);
        let tag = checksum(options.seed ^ 9, number);
        let sent = moment((session.day + 20) * DAY);
        let (id, taken) = (session.id.clone(), year(session.day));
        row![number / 4, id, taken, text(BUCKET), key, text(REGION), tag, sent, true]
    });
    write_rows(connection, "s3_backup_session_notes", columns, rows)
}

fn write_processing(connection: &Connection, options: &SampleOptions) -> rusqlite::Result<()> {
    let count = processing::session_count(options);
    let sent = |number: u32| moment((19_800 + i64::from(number)) * DAY);
    write_rows(
        connection,
        "s3_backup_processing_sessions",
        "id, processing_session_id, s3_bucket, s3_key, s3_region, s3_etag, uploaded_at",
        (0..count).map(|number| {
            let id = processing::session_id(number);
            let key = format!("processing/{id}.tar.zst");
            let tag = checksum(options.seed ^ 10, number);
            row![number + 1, id, text(BUCKET), key, text(REGION), tag, sent(number)]
        }),
    )?;
    write_rows(
        connection,
        "s3_backup_processed_file_records",
        "id, processed_file_id, processing_session_id, s3_bucket, s3_key, s3_region, s3_etag, \
         file_size, verified",
        (0..count).map(|number| {
            let id = processing::session_id(number);
            let (key, size) = (format!("final/{id}.xisf"), 48_000_000 + i64::from(number) * 7);
            let tag = checksum(options.seed ^ 11, number);
            let file = number * 2 + 1;
            row![number + 1, file, id, text(BUCKET), key, text(REGION), tag, size, Value::Null]
        }),
    )?;
    write_rows(
        connection,
        "s3_backup_processing_session_summary",
        "processing_session_id, total_files, backup_complete, last_backup_at",
        (0..count).map(|number| {
            let id = processing::session_id(number);
            row![id, 120 + number % 7, number % 4 != 3, sent(number)]
        }),
    )
}

fn write_log(
    connection: &Connection,
    options: &SampleOptions,
    sessions: &[Session],
) -> rusqlite::Result<()> {
    let columns =
        "id, operation_type, operation_status, archive_id, session_id, timestamp, error_message";
    let rows = archived(options, sessions).map(|(number, session)| {
        let failed = number % 17 == 0;
        let status = if failed { "failed" } else { "success" };
        let problem = failed.then(|| "timeout after 300 s".to_owned());
        let archive = (!failed).then_some(number);
        let at = moment((session.day + 10) * DAY + 3_000);
        row![number, text("upload"), text(status), archive, session.id.clone(), at, problem]
    });
    write_rows(connection, "s3_backup_log", columns, rows)
}

fn write_settings(connection: &Connection) -> rusqlite::Result<()> {
    write_rows(
        connection,
        "s3_backup_config",
        "key, value, updated_at",
        [("bucket", BUCKET), ("region", REGION), ("storage_class", "DEEP_ARCHIVE")]
            .map(|(key, value)| row![text(key), text(value), None::<String>]),
    )?;
    write_rows(
        connection,
        "s3_backup_stats",
        "id, stat_date, period_type, total_archives",
        (1..=12).map(|month| {
            row![month, moment((19_700 + month * 30) * DAY), text("month"), month * 9]
        }),
    )
}
