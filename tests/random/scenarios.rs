//! Random scenarios, judged by plain SQL in Python's sqlite3: `scripts/random_schemas` runs the long form.
#![cfg(feature = "cli")]

/// Cases of all kinds in turn: loose references, computed values, full-text tables, SQL steps, rules that a rebuild
/// leaves out, columns that become generated, and databases that share a folder of backups.
const CASES: &str = "140";

#[test]
fn a_scenario_ends_as_plain_sql_says_or_is_refused_untouched() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios");
    let setting =
        |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
    let output = support::python3()
        .arg(folder)
        .args(["--program", env!("CARGO_BIN_EXE_phaseshift")])
        .args(["--cases", &setting("PHASESHIFT_SCENARIOS", CASES)])
        .args(["--seed", &setting("PHASESHIFT_SEED", "20261129")])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains(" carried out, 0 wrong"), "{told}");
    println!("{told}");
}
