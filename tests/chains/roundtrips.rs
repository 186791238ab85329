//! Round trips on the shadow: what each phase of a chain is worth.

use phaseshift::migrate::{Verdict, roundtrip};

use super::rig::{Rig, explain};

/// The phases whose verdict is not "reversible": id, code and reasons.
fn odd(rig: &Rig) -> Vec<(String, &'static str, Vec<String>)> {
    let trips = roundtrip(&rig.project()).map_err(explain).unwrap();
    trips
        .into_iter()
        .filter(|trip| trip.verdict != Verdict::Reversible)
        .map(|trip| (trip.phase.to_string(), trip.verdict.code(), trip.verdict.reasons().to_vec()))
        .collect()
}

#[test]
fn every_phase_of_charts_is_reversible() {
    assert_eq!(odd(&Rig::new("charts/phases")), []);
}

#[test]
fn photo_map_loses_the_columns_that_it_drops() {
    let lossy = |id: &str, reason: &str| (id.to_owned(), "lossy", vec![reason.to_owned()]);
    assert_eq!(
        odd(&Rig::new("photo_map/phases")),
        [
            lossy(
                "002_remove_thumbnail_path_column",
                "column photos.thumbnail_path comes back empty"
            ),
            lossy("003_remove_filepath_column", "column photos.filepath comes back empty"),
            lossy("005_bbox_unique", "column cached_regions.last_cursor comes back empty"),
        ]
    );
}
