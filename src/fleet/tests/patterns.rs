use std::path::Path;

use crate::fleet::pattern::Pattern;

fn fits(pattern: &str, path: &str) -> bool {
    Pattern::split(pattern).1.matches(Path::new(path))
}

#[test]
fn patterns_match_as_in_a_shell() {
    for (pattern, path, wanted) in [
        ("*.db", "a.db", true),
        ("*.db", "a/b.db", false),
        ("*.db", ".a.db", false),
        (".*.db", ".a.db", true),
        ("**/*.db", "a.db", true),
        ("**/*.db", "a/b/c.db", true),
        ("**/*.db", ".git/c.db", false),
        ("**", "a/b/c.db", true),
        ("?/[a-c]*[!x].db", "q/banana.db", true),
        ("?/[a-c]*[!x].db", "q/banax.db", false),
        ("?/[a-c]*.db", "qq/b.db", false),
        ("*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false),
        ("*[", "a[", true),
        ("[]a]*", "]x", true),
        ("*ü?", "grüß", true),
        ("*/x/**/y.db", "a/x/y.db", true),
        ("*/x/**/y.db", "a/x/1/2/y.db", true),
        ("*/x/**/y.db", "a/z/1/2/y.db", false),
    ] {
        assert_eq!(fits(pattern, path), wanted, "{pattern} {path}");
    }
}

#[test]
fn the_folder_before_the_pattern_is_searched() {
    let (folder, pattern) = Pattern::split("/srv/./tenants/*/[ab].db");
    assert_eq!(folder, Path::new("/srv/tenants"));
    assert!(pattern.matches(Path::new("x/a.db")));
    assert!(pattern.may_hold(Path::new("x")));
    assert!(!pattern.may_hold(Path::new("x/y")));
    assert_eq!(Pattern::split("*.db").0, Path::new(""));
}
