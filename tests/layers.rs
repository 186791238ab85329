//! The house has floors: a module imports only from lower ones.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

use std::path::Path;

/// The floors, the lowest first. Modules of one floor do not import each other, except on the ground,
/// where errors, names and events stand together.
const FLOORS: [&[&str]; 10] = [
    &["error", "exit", "name", "event", "sql", "files"],
    &["phase", "schema", "sample", "btree"],
    &["database"],
    &["rows", "assertion", "records"],
    &["history", "shadow", "backup"],
    &["plan"],
    &["preflight", "rebuild", "proof"],
    &["restore", "autogenerate"],
    &["migrate", "vacuum", "prove"],
    &["inspect"],
];

fn floor(module: &str) -> usize {
    FLOORS
        .iter()
        .position(|modules| modules.contains(&module))
        .unwrap_or_else(|| panic!("{module} stands on no floor: add it to FLOORS"))
}

fn imports(text: &str) -> Vec<String> {
    text.match_indices("crate::")
        .map(|(start, mark)| {
            text[start + mark.len()..]
                .chars()
                .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
                .collect()
        })
        .filter(|name: &String| {
            name.chars().next().is_some_and(|letter| letter.is_ascii_lowercase())
        })
        .collect()
}

#[test]
fn a_module_imports_only_from_lower_floors() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for entry in walkdir::WalkDir::new(&source) {
        let path = entry.unwrap().into_path();
        let inner = path.strip_prefix(&source).unwrap();
        let first =
            inner.components().next().map(|it| it.as_os_str().to_string_lossy().into_owned());
        let module = first.unwrap_or_default().trim_end_matches(".rs").to_owned();
        let in_engine = !["cli", "main", "lib", ""].contains(&module.as_str());
        let is_test = inner.to_string_lossy().contains("test");
        if !in_engine || is_test || path.extension().is_none_or(|it| it != "rs") {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for import in imports(code).into_iter().filter(|import| *import != module) {
            let ground = floor(&module) == 0 && floor(&import) == 0;
            if floor(&import) >= floor(&module) && !ground {
                wrong.push(format!("{} imports {import}", inner.display()));
            }
        }
    }
    assert!(seen > 50, "only {seen} files were looked at");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_program_uses_only_the_engines_public_api() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for module in FLOORS.concat() {
        let file = source.join(format!("{module}.rs"));
        assert!(file.exists() || source.join(module).is_dir(), "{module} does not exist");
    }
    let main = std::fs::read_to_string(source.join("main.rs")).unwrap();
    assert!(!main.contains("#[path"), "the program must not take engine files into itself");
}
