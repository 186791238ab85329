//! The house has floors: a module imports only from lower ones.

use std::path::{Path, PathBuf};

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

/// Returns the modules of the crate that a file names, also within braces: behind `crate::`, and behind as many
/// `super::` as lead from the file to the root.
fn imports(text: &str, depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    for root in ["crate::".to_owned(), "super::".repeat(depth)] {
        for (start, mark) in text.match_indices(&root) {
            let before = text[..start].chars().next_back();
            if before.is_some_and(|it| it == ':' || it == '_' || it.is_alphanumeric()) {
                continue;
            }
            let rest = &text[start + mark.len()..];
            match rest.strip_prefix('{') {
                Some(group) => found.extend(first_names(group)),
                None => found.extend(name_at(rest)),
            }
        }
    }
    found
}

/// A file of the product: where it is below `src`, and its code without comments and without what only tests compile.
struct Source {
    path: PathBuf,
    code: String,
}

impl Source {
    /// The module of the crate that the file belongs to; `None` for the roots and the terminal.
    fn module(&self) -> Option<String> {
        let first = self.path.components().next()?.as_os_str().to_string_lossy().into_owned();
        let module = first.trim_end_matches(".rs").to_owned();
        (!["cli", "main", "lib"].contains(&module.as_str())).then_some(module)
    }

    /// How many modules lead from the root to the file.
    fn depth(&self) -> usize {
        self.path.components().count() - usize::from(self.path.ends_with("mod.rs"))
    }
}

/// Every file of the product.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut tests, mut folders) = (Vec::new(), Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let (code, modules) = without_tests(&text);
                tests.extend(modules.iter().map(|it| place_of(&path, it)));
                let path = path.strip_prefix(&root).unwrap().to_path_buf();
                found.push(Source { path, code });
            }
        }
    }
    let is_test = |path: &Path| {
        tests.iter().any(|test| path.starts_with(test) || path == test.with_extension("rs"))
    };
    found.retain(|it| !is_test(&root.join(&it.path)));
    found
}

/// Where the module of a declaration in a file lies, without the ending: its folder, if it has one.
fn place_of(file: &Path, declared: &str) -> PathBuf {
    let folder = file.parent().unwrap();
    match declared.strip_suffix(".rs") {
        Some(path) => folder.join(path),
        None if ["mod.rs", "lib.rs", "main.rs"].iter().any(|it| file.ends_with(it)) => {
            folder.join(declared)
        }
        None => file.with_extension("").join(declared),
    }
}

/// Returns the code that is compiled without `cfg(test)`, without comments, and the modules in other files that are
/// only compiled with it: their name, or the file that `#[path]` names. An item ends where rustfmt ends it: in its first
/// line, or with a brace that stands as far to the right as its attribute.
fn without_tests(text: &str) -> (String, Vec<String>) {
    let (mut code, mut modules) = (String::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            if !line.trim_start().starts_with("//") {
                code += line;
                code.push('\n');
            }
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        let mut named = None;
        for line in lines.by_ref() {
            let item = line.trim();
            named =
                named.or(item.strip_prefix("#[path = \"").and_then(|it| it.strip_suffix("\"]")));
            if item.starts_with("#[") {
                continue;
            }
            if let Some(module) = item.strip_prefix("mod ").and_then(|it| it.strip_suffix(';')) {
                modules.push(named.unwrap_or(module).to_owned());
            }
            let is_first = !line.starts_with(&format!("{indent} "));
            if line == end || (is_first && item.ends_with([';', '}'])) {
                break;
            }
        }
    }
    (code, modules)
}

/// Returns the name at the start of a text, if it is that of a module.
fn name_at(text: &str) -> Option<String> {
    let name: String =
        text.chars().take_while(|it| it.is_ascii_alphanumeric() || *it == '_').collect();
    let is_module = name.starts_with(|letter: char| letter.is_ascii_lowercase());
    (is_module && !["super", "self"].contains(&name.as_str())).then_some(name)
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
    let text = "use crate::{a::{b, c}, d, Error};\nuse crate::e::F; let x = crate::g::h(); super::super::i::j();";
    assert_eq!(imports(text, 1), ["a", "d", "e", "g"]);
    assert_eq!(imports(text, 2), ["a", "d", "e", "g", "i"]);
    assert_eq!(imports("use super::{k::L, m};\nuse super::super::n;", 1), ["k", "m"]);
}

#[test]
fn only_what_tests_alone_compile_is_left_out() {
    let text = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\n#[path = \"other_tests.rs\"]\nmod others;\nuse crate::a;\n\
                // use crate::b;\n#[cfg(test)]\nfn only() {\n    crate::c();\n}\nimpl It {\n    #[cfg(test)]\n    \
                pub fn inner(&self) {\n        crate::d();\n    }\n    fn all() { crate::e(); }\n}\n";
    let (code, modules) = without_tests(text);
    assert_eq!(modules, ["tests", "other_tests.rs"]);
    assert_eq!(imports(&code, 1), ["a", "e"], "{code}");
}

#[test]
fn a_module_imports_only_from_lower_floors() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for source in sources() {
        let Some(module) = source.module() else { continue };
        seen += 1;
        let imports = imports(&source.code, source.depth());
        for import in imports.into_iter().filter(|import| *import != module) {
            let ground = floor(&module) == 0 && floor(&import) == 0;
            if floor(&import) >= floor(&module) && !ground {
                wrong.push(format!("{} imports {import}", source.path.display()));
            }
        }
    }
    assert!(seen > 150, "only {seen} files were looked at");
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

/// How a message could be read. What SQLite says in words alone is read in one file, which has a test for each message.
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
    let searches = |line: &str| {
        OF_MESSAGES.iter().any(|part| {
            ["contains", "starts_with", "ends_with", "strip_prefix", "rsplit_once", "split_once"]
                .iter()
                .any(|it| line.contains(&format!("{it}(\"{part}")))
        })
    };
    let reading = text
        .lines()
        .map(str::trim)
        .filter(|line| READING.iter().any(|it| line.contains(it)) || searches(line));
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
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|it| !it.path.ends_with("error/sqlite_text.rs")) {
        let lines = reads_messages(&source.code);
        wrong.extend(lines.iter().map(|it| format!("{}: {it}", source.path.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
