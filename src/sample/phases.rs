//! The fixture files of the FITS catalogue: its schema and its four phases, as text.

/// Returns the phase files of the catalogue as (file name, text), in chain order.
///
/// ```
/// use phaseshift::sample::phase_files;
/// let names: Vec<_> = phase_files().iter().map(|(name, _)| *name).collect();
/// assert_eq!(names, ["phase1.toml", "phase2.toml", "phase3.toml", "phase4.toml"]);
/// ```
pub fn phase_files() -> &'static [(&'static str, &'static str)] {
    &[
        ("phase1.toml", include_str!("../../fixtures/fits_catalog/phases/phase1.toml")),
        ("phase2.toml", include_str!("../../fixtures/fits_catalog/phases/phase2.toml")),
        ("phase3.toml", include_str!("../../fixtures/fits_catalog/phases/phase3.toml")),
        ("phase4.toml", include_str!("../../fixtures/fits_catalog/phases/phase4.toml")),
    ]
}

/// Returns the schema of the catalogue before Phase 3: 20 tables with their indexes.
pub fn schema_sql() -> &'static str {
    include_str!("../../fixtures/fits_catalog/schema.sql")
}
