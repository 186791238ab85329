//! Processing sessions, the files staged for them, and what came out.

use rusqlite::Connection;

use super::calendar::{DAY, date, moment};
use super::frames::file_id;
use super::numbers::{Numbers, checksum};
use super::options::SampleOptions;
use super::sky::TARGETS;
use super::writer::{Writer, row, text};

/// About how many files one processing session takes in.
const LINKS_PER_SESSION: u32 = 120;
/// The day on which the first processing session began.
const FIRST_DAY: i64 = 19_500;
/// Ids of files that never existed begin here.
const NO_FILE: i64 = 9_000_000_000;

/// Returns how many processing sessions the catalogue has.
pub(super) fn session_count(options: &SampleOptions) -> u32 {
    options.links.div_ceil(LINKS_PER_SESSION)
}

/// Returns the id of a processing session.
pub(super) fn session_id(number: u32) -> String {
    let target = &TARGETS[number as usize % TARGETS.len()];
    let name = target.name.replace([' ', '\''], "");
    format!("{}_{name}_{number:04}", date(FIRST_DAY + i64::from(number) * 9).replace('-', ""))
}

/// Writes the processing sessions, their links to files, and their results.
pub(super) fn write(connection: &Connection, options: &SampleOptions) -> rusqlite::Result<()> {
    write_sessions(connection, options)?;
    write_links(connection, options)?;
    write_results(connection, options)
}

fn write_sessions(connection: &Connection, options: &SampleOptions) -> rusqlite::Result<()> {
    let mut writer = Writer::new(connection, "processing_sessions", SESSION_COLUMNS)?;
    for number in 0..session_count(options) {
        let mut numbers = Numbers::for_row(options.seed, 5, number);
        let target = &TARGETS[number as usize % TARGETS.len()];
        let day = FIRST_DAY + i64::from(number) * 9;
        let done = number % 4 != 3;
        writer.put(&row![
            session_id(number),
            format!("{} {}", target.name, date(day)),
            format!("/astro/processing/{}", session_id(number)),
            format!("[\"{}\"]", target.name),
            numbers.chance(30).then(|| "more OIII needed".to_owned()),
            text(if done { "complete" } else { "in_progress" }),
            numbers.whole(1, 3),
            done.then(|| format!("https://astrobin.example/{number:05}")),
            None::<String>,
            moment(day * DAY + 70_000),
            done.then(|| moment((day + 3) * DAY + 80_000)),
            text(target.name),
            text(target.kind),
            text(if number % 2 == 0 { "SHO" } else { "LRGB" }),
            text(target.ra),
            text(target.dec),
            numbers.whole(7_200, 120_000),
            moment((day - 60) * DAY),
            moment((day - 2) * DAY),
            moment(day * DAY + 69_000),
            moment((day + 4) * DAY),
        ])?;
    }
    Ok(())
}

fn write_links(connection: &Connection, options: &SampleOptions) -> rusqlite::Result<()> {
    let mut writer = Writer::new(connection, "processing_session_files", LINK_COLUMNS)?;
    let first_orphan = options.links.saturating_sub(options.orphans);
    for number in 0..options.links {
        let mut numbers = Numbers::for_row(options.seed, 6, number);
        let session = session_id(number / LINKS_PER_SESSION);
        let spread = u64::from(number) * u64::from(options.files) / u64::from(options.links);
        let file = if number >= first_orphan {
            Some(NO_FILE + i64::from(number))
        } else {
            (options.files > 0).then(|| file_id(spread as u32))
        };
        let name = format!("frame_{:06}.fits", number + 1);
        let kind = *numbers.pick(&["LIGHT", "LIGHT", "LIGHT", "DARK", "FLAT"]);
        let subfolder = kind.to_ascii_lowercase();
        writer.put(&row![
            i64::from(number) + 1,
            session.clone(),
            file,
            format!("/astro/{subfolder}/{name}"),
            name.clone(),
            format!("/astro/processing/{session}/{subfolder}/{name}"),
            name,
            subfolder,
            moment(FIRST_DAY * DAY + i64::from(number) * 977),
            numbers.whole(18_000_000, 122_000_000),
            text(kind),
        ])?;
    }
    Ok(())
}

fn write_results(connection: &Connection, options: &SampleOptions) -> rusqlite::Result<()> {
    let mut writer = Writer::new(connection, "processed_files", RESULT_COLUMNS)?;
    for number in 0..session_count(options) * 2 {
        let mut numbers = Numbers::for_row(options.seed, 7, number);
        let session = session_id(number / 2);
        let kind = if number % 2 == 0 { "xisf" } else { "jpg" };
        let name = format!("final_{number:04}.{kind}");
        let made = FIRST_DAY * DAY + i64::from(number) * 388_000;
        let target = TARGETS[number as usize / 2 % TARGETS.len()].name;
        let companion = (kind == "jpg").then(|| format!("/astro/final/{name}.json"));
        writer.put(&row![
            i64::from(number) + 1,
            session,
            format!("/astro/final/{name}"),
            name,
            text(kind),
            text("final"),
            numbers.whole(2_000_000, 900_000_000),
            moment(made),
            moment(made + 65),
            checksum(!options.seed, number),
            companion.is_some(),
            companion.clone(),
            companion.map(|_| numbers.whole(400, 4_000)),
            6_248,
            4_176,
            if kind == "jpg" { 8 } else { 32 },
            text(if kind == "jpg" { "sRGB" } else { "linear" }),
            text(target),
            text("final"),
            format!("{{\"stretch\": {}, \"drizzle\": null}}", numbers.real(0.1, 0.9)),
            None::<String>,
            moment(made + 4_000),
            None::<String>,
        ])?;
    }
    Ok(())
}

const SESSION_COLUMNS: &str = "id, name, folder_path, objects, notes, status, version, astrobin_url, social_urls, \
     processing_started, processing_completed, primary_target, target_type, image_type, ra, \
     dec, total_integration_seconds, date_range_start, date_range_end, created_at, updated_at";

const LINK_COLUMNS: &str = "id, processing_session_id, fits_file_id, original_path, original_filename, staged_path, \
     staged_filename, subfolder, created_at, file_size, frame_type";

const RESULT_COLUMNS: &str = "id, processing_session_id, file_path, filename, file_type, subfolder, file_size, \
     created_date, modified_date, md5sum, has_companion, companion_path, companion_size, \
     image_width, image_height, bit_depth, color_space, associated_object, processing_stage, \
     metadata_json, notes, cataloged_at, updated_at";
