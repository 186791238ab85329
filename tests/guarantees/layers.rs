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
    &["squash", "fleet"],
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

/// Ways to read a message. What SQLite says in words alone is read in one file, which has a test for each message.
const READING: [&str; 8] = [
    "to_string().contains(",
    "to_string().starts_with(",
    "to_string().ends_with(",
    "to_string() == ",
    "words(&error).contains(",
    "words(error).contains(",
    "message.contains(",
    "message.starts_with(",
];

/// What stands in SQLite's messages, and in ours: a text in the code that looks for it reads one.
const OF_MESSAGES: [&str; 8] = [
    "no such ",
    "error in ",
    "foreign key mismatch",
    "because it is a view",
    "reserved for internal use",
    "does not run",
    "is missing",
    "cannot be",
];

/// Returns the lines of a file that decide on the text of a message.
fn reads_messages(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let searches = |line: &str| {
        OF_MESSAGES.iter().any(|part| {
            ["contains", "starts_with", "ends_with", "strip_prefix", "rsplit_once", "split_once"]
                .iter()
                .any(|it| line.contains(&format!("{it}(\"{part}")))
        })
    };
    let lines = code.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let reading = lines.filter(|line| READING.iter().any(|it| line.contains(it)) || searches(line));
    reading.map(str::to_owned).collect()
}

#[test]
fn a_decision_on_a_message_is_found() {
    for text in [
        "if error.to_string().contains(\"x\") {",
        "let stuck = lines.iter().any(|it| it.starts_with(\"does not run:\"));",
        "    && words(&error).contains(\"foreign key mismatch\")",
    ] {
        assert_eq!(reads_messages(text).len(), 1, "{text}");
    }
    assert!(reads_messages("let what = format!(\"{name} is missing\");").is_empty());
}

/// Messages are for people. What the program decides on is a type.
#[test]
fn nothing_decides_on_the_text_of_a_message() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for entry in walkdir::WalkDir::new(&source) {
        let path = entry.unwrap().into_path();
        let is_test = path.strip_prefix(&source).unwrap().to_string_lossy().contains("test");
        let of_sqlite = path.ends_with("error/sqlite_text.rs");
        if path.extension().is_some_and(|it| it == "rs") && !is_test && !of_sqlite {
            let text = std::fs::read_to_string(&path).unwrap();
            wrong
                .extend(reads_messages(&text).iter().map(|it| format!("{}: {it}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
