//! Files stand in an order, too: no two files of a module import each other, directly or around.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A module by its path below the crate.
type Module = Vec<String>;

/// The files of a crate: their code, and what each hands on from others.
struct Tree {
    code: BTreeMap<Module, String>,
    handed_on: BTreeMap<(Module, String), Module>,
}

impl Tree {
    /// Takes files apart: the path below the source folder, without its ending, and the text.
    fn of<'t>(files: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        let module = |path: &str| -> Module {
            let path = path.trim_end_matches("/mod");
            path.split('/').map(str::to_owned).collect()
        };
        let code = |text: &str| -> String {
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            text.lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .map(|it| format!("{it}\n"))
                .collect()
        };
        let code = files.into_iter().map(|(path, text)| (module(path), code(text))).collect();
        let mut tree = Self { code, handed_on: BTreeMap::new() };
        let modules: Vec<Module> = tree.code.keys().cloned().collect();
        for module in modules {
            for path in re_exports(&tree.code[&module]) {
                // `pub use child::Name` names the child alone.
                let own = [&["self".to_owned()], path.as_slice()].concat();
                let found = tree.place(&module, &path).or_else(|| tree.place(&module, &own));
                if let Some((from, Some(name))) = found.filter(|(from, _)| *from != module) {
                    tree.handed_on.insert((module.clone(), name), from);
                }
            }
        }
        tree
    }

    /// Returns the module that a path begins with, and the name behind it.
    fn place(&self, at: &Module, path: &[String]) -> Option<(Module, Option<String>)> {
        let mut rest = path.iter().peekable();
        let mut module = match rest.next()?.as_str() {
            "crate" => Module::new(),
            "self" => at.clone(),
            "super" => {
                let mut above = at.clone();
                above.pop();
                while rest.next_if(|it| *it == "super").is_some() {
                    above.pop();
                }
                above
            }
            _ => return None,
        };
        while let Some(next) = rest.peek() {
            let below = [module.as_slice(), &[(*next).clone()]].concat();
            if !self.code.contains_key(&below) {
                break;
            }
            module = below;
            rest.next();
        }
        Some((module, rest.next().cloned()))
    }

    /// Returns the files that a file imports from, those below itself left out: it declares them.
    fn imports(&self, module: &Module) -> BTreeSet<Module> {
        let places =
            paths(&self.code[module]).into_iter().filter_map(|path| self.place(module, &path));
        let origins = places.map(|(mut from, name)| {
            while let Some(name) = &name
                && let Some(next) = self.handed_on.get(&(from.clone(), name.clone()))
            {
                from.clone_from(next);
            }
            from
        });
        origins.filter(|from| from.first() == module.first() && !from.starts_with(module)).collect()
    }

    /// Returns the files that import themselves around others.
    fn circles(&self) -> BTreeSet<String> {
        let edges: BTreeMap<&Module, BTreeSet<Module>> =
            self.code.keys().map(|module| (module, self.imports(module))).collect();
        let goes_around = |start: &Module| {
            let mut seen: BTreeSet<&Module> = BTreeSet::new();
            let mut next: Vec<&Module> = edges[start].iter().collect();
            while let Some(module) = next.pop() {
                if module == start {
                    return true;
                }
                if seen.insert(module) {
                    next.extend(edges.get(module).into_iter().flatten());
                }
            }
            false
        };
        self.code.keys().filter(|it| goes_around(it)).map(|it| it.join("/")).collect()
    }
}

/// Returns the paths behind `pub use`, `pub(crate) use` and the like.
fn re_exports(code: &str) -> Vec<Vec<String>> {
    let lines = code.split_inclusive(';').filter_map(|statement| {
        let (before, tree) = statement.split_once("use ")?;
        before.trim_end().rsplit('\n').next()?.trim().starts_with("pub").then_some(tree)
    });
    lines.flat_map(|tree| branches(tree.trim_start())).collect()
}

/// Returns the paths that begin with `super`, `crate` or `self`, wherever they stand.
fn paths(code: &str) -> Vec<Vec<String>> {
    let is_inside = |letter: Option<char>| {
        letter.is_some_and(|it| it.is_alphanumeric() || it == '_' || it == ':')
    };
    let starts =
        ["super::", "crate::", "self::"].into_iter().flat_map(|mark| code.match_indices(mark));
    let starts = starts.filter(|(at, _)| !is_inside(code[..*at].chars().next_back()));
    starts.flat_map(|(at, _)| branches(&code[at..])).collect()
}

/// Returns the paths of a tree such as `a::{b, c::{d, e}}`.
fn branches(tree: &str) -> Vec<Vec<String>> {
    let name: String = tree.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect();
    let rest = &tree[name.len()..];
    let own = vec![name];
    let Some(below) = rest.strip_prefix("::") else { return vec![own] };
    let below: Vec<Vec<String>> = match below.strip_prefix('{') {
        Some(group) => parts(group).into_iter().flat_map(branches).collect(),
        None => branches(below),
    };
    below.into_iter().map(|it| [own.as_slice(), &it].concat()).collect()
}

/// Returns the parts of a group up to the brace that closes it.
fn parts(group: &str) -> Vec<&str> {
    let (mut found, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                found.push(group[start..at].trim());
                start = at + 1;
                if letter == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found.retain(|it| !it.is_empty());
    found
}

#[test]
fn a_circle_is_found_through_groups_and_re_exports() {
    let files = |last: &'static str| {
        Tree::of([
            ("a/mod", "mod b; mod c; mod d;\npub use c::{C, other};\n"),
            ("a/b", "use super::{C, d};\npub struct B;"),
            ("a/c", last),
            ("a/d", "use crate::e::{f::{G}};"),
        ])
    };
    let circles = |last| files(last).circles().into_iter().collect::<Vec<_>>();
    assert_eq!(circles("use std::fmt;\nfn other() { super::b::run() }"), ["a/b", "a/c"]);
    assert_eq!(circles("fn other() { super::d::run() }"), [] as [&str; 0]);
    assert_eq!(
        circles("// use super::b::B;\n#[cfg(test)] mod t { use super::b::B; }"),
        [] as [&str; 0]
    );
}

#[test]
fn no_files_of_a_module_import_each_other() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(&source) {
        let path = entry.unwrap().into_path();
        let inner = path.strip_prefix(&source).unwrap().to_string_lossy().into_owned();
        if let Some(inner) = inner.strip_suffix(".rs").filter(|it| !it.contains("test")) {
            files.push((inner.to_owned(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(files.len() > 300, "only {} files were looked at", files.len());
    let tree = Tree::of(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let circles = tree.circles();
    assert!(circles.is_empty(), "{circles:?}");
}
