//! The 74 columns of `fits_files`, each with the rule that fills it.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::calendar::{DAY, moment};
use super::frames::{Frame, Kind};
use super::numbers::Numbers;
use super::options::SampleOptions;
use super::sessions::Session;
use super::sky::Sensor;
use super::writer::{Writer, text};

pub(super) type Rule = fn(&mut Frame<'_>) -> Value;

/// All columns in the order of the table. Each row fills between 25 and 70 of them.
pub(super) const COLUMNS: &[(&str, Rule)] = &[
    ("id", |f| Value::Integer(f.id)),
    ("file", |f| Value::Text(f.file_name())),
    ("folder", |f| Value::Text(f.folder())),
    ("object", |f| sky(f, f.target.name)),
    ("obs_date", |f| Value::Text(f.session.date.clone())),
    ("obs_timestamp", |f| Value::Text(moment(f.start))),
    ("ra", |f| sky(f, f.target.ra)),
    ("dec", |f| sky(f, f.target.dec)),
    ("x", |f| Value::Integer(f.session.camera.width)),
    ("y", |f| Value::Integer(f.session.camera.height)),
    ("session_id", |f| Value::from(f.session_id.clone())),
    ("frame_type", |f| text(f.kind.word())),
    ("filter", |f| f.filter.map_or(Value::Null, text)),
    ("focal_length", |f| Value::Real(f.session.telescope.focal_length)),
    ("exposure", |f| Value::Real(f.exposure)),
    ("camera", |f| text(f.session.camera.name)),
    ("telescope", |f| text(f.session.telescope.name)),
    ("md5sum", |f| Value::Text(f.md5sum.clone())),
    ("latitude", |f| Value::Real(f.session.site.latitude)),
    ("longitude", |f| Value::Real(f.session.site.longitude)),
    ("elevation", |f| Value::Real(f.session.site.elevation)),
    ("fov_x", |f| Value::Real(f.scale() * f.session.camera.width as f64 / 3_600.0)),
    ("fov_y", |f| Value::Real(f.scale() * f.session.camera.height as f64 / 3_600.0)),
    ("pixel_scale", |f| Value::Real(f.scale())),
    ("gain", |f| digital(f, |n| *n.pick(&[0, 100, 120]))),
    ("offset", |f| digital(f, |n| *n.pick(&[10, 30, 50]))),
    ("egain", |f| Value::Real(f.numbers.real(0.2, 1.1))),
    ("binning_x", |_| Value::Integer(1)),
    ("binning_y", |_| Value::Integer(1)),
    ("sensor_temp", |f| Value::Real(f.numbers.real(-10.4, -9.6))),
    ("readout_mode", |f| readout_mode(f)),
    ("bayerpat", |f| bayer_pattern(f)),
    ("iso_speed", iso_speed),
    ("guide_rms", |f| guided(f, 0.3, 1.4)),
    ("guide_fwhm", |f| guided(f, 1.8, 5.0)),
    ("guide_rms_ra", |f| guided(f, 0.2, 1.0)),
    ("guide_rms_dec", |f| guided(f, 0.2, 1.0)),
    ("ambient_temp", |f| weather(f, -8.0, 21.0)),
    ("dewpoint", |f| weather(f, -12.0, 9.0)),
    ("humidity", |f| weather(f, 30.0, 98.0)),
    ("pressure", |f| weather(f, 690.0, 1_030.0)),
    ("sky_temp", |f| weather(f, -32.0, -4.0)),
    ("sky_quality_mpsas", |f| weather(f, 17.5, 21.9)),
    ("sky_brightness", |_| Value::Null),
    ("wind_speed", |f| weather(f, 0.0, 9.0)),
    ("wind_direction", |f| weather(f, 0.0, 359.9)),
    ("wind_gust", |f| weather(f, 0.0, 15.0)),
    ("cloud_cover", |f| weather(f, 0.0, 70.0)),
    ("seeing_fwhm", |f| weather(f, 1.1, 4.4)),
    ("focuser_position", |f| Value::Integer(f.numbers.whole(8_000, 24_000))),
    ("focuser_temp", |f| Value::Real(f.numbers.real(-8.0, 21.0))),
    ("software_creator", |f| {
        text(f.numbers.pick::<&str>(&["N.I.N.A. 3.1", "SGP 4.4", "APT 4.20"]))
    }),
    ("software_modifier", |f| if f.moved { text("PixInsight 1.8.9") } else { Value::Null }),
    ("observer", |f| text(f.session.observer)),
    ("site_name", |f| text(f.session.site.name)),
    ("airmass", |f| {
        if f.kind == Kind::Light { Value::Real(f.numbers.real(1.0, 2.2)) } else { Value::Null }
    }),
    ("exposure_start", |f| Value::Text(moment(f.start))),
    ("exposure_end", |f| Value::Text(moment(f.start + f.exposure as i64))),
    ("star_count", |f| {
        if f.analysed { Value::Integer(f.numbers.whole(80, 9_000)) } else { Value::Null }
    }),
    ("median_fwhm", |f| analysed(f, 1.6, 6.5)),
    ("eccentricity", |f| analysed(f, 0.2, 0.75)),
    ("boltwood_cloud", |f| boltwood(f, 0.0, 3.0)),
    ("boltwood_wind", |f| boltwood(f, 0.0, 3.0)),
    ("boltwood_rain", |f| boltwood(f, 0.0, 1.0)),
    ("boltwood_daylight", |_| Value::Null),
    ("bad", |f| Value::Integer(i64::from(f.numbers.chance(3)))),
    ("file_not_found", |f| Value::Integer(i64::from(f.numbers.chance(1)))),
    ("orig_file", |f| if f.moved { Value::Text(f.file_name()) } else { Value::Null }),
    ("orig_folder", |f| {
        if f.moved { Value::Text(format!("/incoming/{}", f.session.date)) } else { Value::Null }
    }),
    ("validation_score", |f| Value::Real(f.numbers.real(55.0, 100.0))),
    ("migration_ready", |f| Value::Integer(i64::from(f.numbers.chance(90)))),
    ("validation_notes", |f| {
        if f.numbers.chance(4) { text("check: no\nobject name") } else { Value::Null }
    }),
    ("created_at", |f| Value::Text(moment((f.session.day + 1) * DAY + 32_000))),
    ("updated_at", |f| {
        if f.moved { Value::Text(moment((f.session.day + 8) * DAY + 7)) } else { Value::Null }
    }),
];

impl Frame<'_> {
    fn file_name(&self) -> String {
        let subject = if self.kind == Kind::Light { self.target.name } else { self.kind.word() };
        let filter = self.filter.unwrap_or("none");
        format!("{subject}_{filter}_{}s_{:06}.fits", self.exposure, self.id)
    }

    fn folder(&self) -> String {
        format!("/astro/{}/{}", self.kind.word().to_ascii_lowercase(), self.session.id)
    }

    /// Seconds of arc per pixel.
    fn scale(&self) -> f64 {
        206.265 * self.session.camera.pixel / self.session.telescope.focal_length
    }
}

/// A fact about the target: only lights have one.
fn sky(frame: &Frame<'_>, fact: &str) -> Value {
    if frame.kind == Kind::Light { text(fact) } else { Value::Null }
}

/// A setting that photographic cameras do not have.
fn digital(frame: &mut Frame<'_>, setting: fn(&mut Numbers) -> i64) -> Value {
    match frame.session.camera.sensor {
        Sensor::Mono | Sensor::Colour => Value::Integer(setting(&mut frame.numbers)),
        Sensor::Photographic => Value::Null,
    }
}

fn readout_mode(frame: &Frame<'_>) -> Value {
    match frame.session.camera.sensor {
        Sensor::Mono => text("Low Noise"),
        Sensor::Colour => text("High Gain"),
        Sensor::Photographic => Value::Null,
    }
}

fn bayer_pattern(frame: &Frame<'_>) -> Value {
    match frame.session.camera.sensor {
        Sensor::Mono => Value::Null,
        Sensor::Colour | Sensor::Photographic => text("RGGB"),
    }
}

fn iso_speed(frame: &mut Frame<'_>) -> Value {
    match frame.session.camera.sensor {
        Sensor::Mono | Sensor::Colour => Value::Null,
        Sensor::Photographic => Value::Integer(*frame.numbers.pick(&[800, 1600, 3200])),
    }
}

fn guided(frame: &mut Frame<'_>, low: f64, high: f64) -> Value {
    measured(frame, frame.session.guided && frame.kind == Kind::Light, (low, high))
}

fn weather(frame: &mut Frame<'_>, low: f64, high: f64) -> Value {
    measured(frame, frame.session.weather, (low, high))
}

fn boltwood(frame: &mut Frame<'_>, low: f64, high: f64) -> Value {
    measured(frame, frame.session.boltwood, (low, high))
}

fn analysed(frame: &mut Frame<'_>, low: f64, high: f64) -> Value {
    measured(frame, frame.analysed, (low, high))
}

fn measured(frame: &mut Frame<'_>, known: bool, (low, high): (f64, f64)) -> Value {
    if known { Value::Real(frame.numbers.real(low, high)) } else { Value::Null }
}

/// Writes the files with these numbers.
pub(super) fn write(
    connection: &Connection,
    options: &SampleOptions,
    sessions: &[Session],
    files: std::ops::Range<u32>,
) -> rusqlite::Result<()> {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let mut writer = Writer::new(connection, "fits_files", &names.join(", "))?;
    let mut values: Vec<Value> = Vec::with_capacity(COLUMNS.len());
    for number in files {
        let mut frame = Frame::new(options, sessions, number);
        values.clear();
        values.extend(COLUMNS.iter().map(|(_, value)| value(&mut frame)));
        writer.put(&values)?;
    }
    Ok(())
}
