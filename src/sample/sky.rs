//! The world of the sample: targets, filters, cameras, telescopes and sites, as constants.

pub(super) struct Target {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) ra: &'static str,
    pub(super) dec: &'static str,
}

/// A camera and what its frames look like.
pub(super) struct Camera {
    pub(super) name: &'static str,
    pub(super) width: i64,
    pub(super) height: i64,
    pub(super) pixel: f64,
    pub(super) sensor: Sensor,
}

/// What kind of picture a camera takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sensor {
    /// Grey, through a filter wheel.
    Mono,
    /// Colour, with gain and offset.
    Colour,
    /// Colour, with ISO speeds instead of gain.
    Photographic,
}

pub(super) struct Telescope {
    pub(super) name: &'static str,
    pub(super) focal_length: f64,
    pub(super) aperture: f64,
    pub(super) kind: &'static str,
}

/// A place to observe from.
pub(super) struct Site {
    pub(super) name: &'static str,
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    pub(super) elevation: f64,
}

const fn target(
    name: &'static str,
    kind: &'static str,
    ra: &'static str,
    dec: &'static str,
) -> Target {
    Target { name, kind, ra, dec }
}

pub(super) const TARGETS: &[Target] = &[
    target("M31", "galaxy", "00 42 44.3", "+41 16 09"),
    target("M33", "galaxy", "01 33 50.9", "+30 39 37"),
    target("M42", "nebula", "05 35 17.3", "-05 23 28"),
    target("M51", "galaxy", "13 29 52.7", "+47 11 43"),
    target("M81", "galaxy", "09 55 33.2", "+69 03 55"),
    target("M101", "galaxy", "14 03 12.6", "+54 20 57"),
    target("NGC 7000", "nebula", "20 59 17.1", "+44 31 44"),
    target("NGC 6960", "supernova remnant", "20 45 38.0", "+30 42 30"),
    target("NGC 281", "nebula", "00 52 59.3", "+56 37 19"),
    target("NGC 891", "galaxy", "02 22 33.4", "+42 20 57"),
    target("IC 1805", "nebula", "02 32 42.0", "+61 27 00"),
    target("IC 5070", "nebula", "20 51 00.0", "+44 22 00"),
    target("Sh2-129", "nebula", "21 11 48.0", "+59 59 12"),
    target("LDN 1251", "dark nebula", "22 35 00.0", "+75 15 00"),
    target("Abell 39", "planetary nebula", "16 27 33.7", "+27 54 33"),
    target("Barnard's Star", "star", "17 57 48.5", "+04 41 36"),
];

/// Filters as they stand in file headers, with their standard name, type and bandpass.
pub(super) const FILTERS: &[(&str, &str, &str, Option<&str>)] = &[
    ("Ha", "Ha", "narrowband", Some("3nm")),
    ("OIII", "OIII", "narrowband", Some("3nm")),
    ("SII", "SII", "narrowband", Some("3nm")),
    ("L", "L", "broadband", None),
    ("R", "R", "broadband", None),
    ("G", "G", "broadband", None),
    ("B", "B", "broadband", None),
    ("H-alpha", "Ha", "narrowband", Some("7nm")),
    ("O3", "OIII", "narrowband", Some("6.5nm")),
    ("S2", "SII", "narrowband", Some("6.5nm")),
    ("Lum", "L", "broadband", None),
    ("Luminance", "L", "broadband", None),
    ("Red", "R", "broadband", None),
    ("L-eXtreme", "HO", "dualband", Some("7nm")),
];

/// How many of [`FILTERS`] frames are taken with; the rest are other spellings.
pub(super) const FILTERS_IN_USE: usize = 7;

const fn camera(
    name: &'static str,
    (width, height): (i64, i64),
    pixel: f64,
    sensor: Sensor,
) -> Camera {
    Camera { name, width, height, pixel, sensor }
}

pub(super) const CAMERAS: &[Camera] = &[
    camera("ASI2600MM", (6248, 4176), 3.76, Sensor::Mono),
    camera("ASI2600MC", (6248, 4176), 3.76, Sensor::Colour),
    camera("ASI6200MM", (9576, 6388), 3.76, Sensor::Mono),
    camera("QHY268M", (6280, 4210), 3.76, Sensor::Mono),
    camera("ASI533MC", (3008, 3008), 3.76, Sensor::Colour),
    camera("EOS6Da", (5496, 3670), 6.54, Sensor::Photographic),
];

const fn telescope(
    name: &'static str,
    focal_length: f64,
    aperture: f64,
    kind: &'static str,
) -> Telescope {
    Telescope { name, focal_length, aperture, kind }
}

pub(super) const TELESCOPES: &[Telescope] = &[
    telescope("RC8", 1625.0, 203.0, "reflector"),
    telescope("FSQ106", 530.0, 106.0, "refractor"),
    telescope("Esprit120", 840.0, 120.0, "refractor"),
    telescope("C11", 2800.0, 279.4, "catadioptric"),
    telescope("RedCat51", 250.0, 51.0, "refractor"),
];

pub(super) const SITES: &[Site] = &[
    Site { name: "Backyard", latitude: 47.3769, longitude: 8.5417, elevation: 432.0 },
    Site { name: "Gornergrat", latitude: 45.9836, longitude: 7.7847, elevation: 3_135.0 },
    Site { name: "Tivoli Farm", latitude: -23.4606, longitude: 18.0158, elevation: 1_345.0 },
];

pub(super) const OBSERVERS: &[&str] = &["A. Meier", "J. Okafor", "Zoë Lindqvist"];
