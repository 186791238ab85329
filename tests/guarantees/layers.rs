//! The house has floors: a module imports only from lower ones.

use std::path::Path;

/// The floors, the lowest first. Modules of one floor do not import each other, except on the ground,
/// where errors, names and events stand together.
const FLOORS: [&[&str]; 11] = [
    &["error", "exit", "name", "text", "event", "sql", "files"],
    &["phase", "schema", "sample", "btree"],
    &["database", "compare"],
    &["rows", "assertion", "records"],
    &["history", "shadow", "backup", "import"],
    &["plan"],
    &["preflight", "rebuild", "proof", "replay"],
    &["restore", "autogenerate"],
    &["migrate", "vacuum", "reset", "prove"],
    &["inspect"],
    &["squash", "fleet", "library"],
];

fn floor(module: &str) -> usize {
    FLOORS
        .iter()
        .position(|modules| modules.contains(&module))
        .unwrap_or_else(|| panic!("{module} stands on no floor: add it to FLOORS"))
}

/// Returns the modules that a file names behind `crate::`, also within braces.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (start, mark) in text.match_indices("crate::") {
        let rest = &text[start + mark.len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(first_names(group)),
            None => found.extend(name_at(rest)),
        }
    }
    found
}

/// Returns the name at the start of a text, if it is that of a module.
fn name_at(text: &str) -> Option<String> {
    let name: String =
        text.chars().take_while(|it| it.is_ascii_alphanumeric() || *it == '_').collect();
    name.starts_with(|letter: char| letter.is_ascii_lowercase()).then_some(name)
}

/// Returns the first name of each path of a group, up to the brace that closes it.
fn first_names(group: &str) -> Vec<String> {
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                names.extend(name_at(group[start..at].trim_start()));
                if letter == '}' {
                    break;
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

#[test]
fn imports_are_found_in_groups_too() {
    let text = "use crate::{a::{b, c}, d, Error};\nuse crate::e::F; let x = crate::g::h();";
    assert_eq!(imports(text), ["a", "d", "e", "g"]);
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
fn every_floor_is_a_module() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for module in FLOORS.concat() {
        let file = source.join(format!("{module}.rs"));
        assert!(file.exists() || source.join(module).is_dir(), "{module} does not exist");
    }
}

/// Messages are for people. What the program decides on is a type.
#[test]
fn no_advice_reads_the_text_of_an_error() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli");
    let reading = ["to_string().contains", "to_string().starts_with", "to_string() =="];
    let mut wrong = Vec::new();
    for entry in walkdir::WalkDir::new(&source) {
        let path = entry.unwrap().into_path();
        if path.extension().is_some_and(|it| it == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            if reading.iter().any(|it| code.contains(it)) {
                wrong.push(path.display().to_string());
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
