//! The syntax and the functions of stored SQL that older releases of SQLite cannot read.
//!
//! A release that cannot parse one text of `sqlite_schema` refuses the whole file ("malformed database
//! schema", <https://sqlite.org/lang_naming.html>); one that lacks a function fails where it is used. The
//! releases are those of <https://sqlite.org/changes.html>.

use std::fmt;

use super::token::{Token, TokenKind, significant_tokens};

/// A release of SQLite: major, minor and patch number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SqliteVersion(u32, u32, u32);

impl SqliteVersion {
    /// The oldest release whose `sqlite3` program runs the scripts that `--sql` prints.
    pub const SCRIPTS: Self = Self(3, 40, 0);

    /// Reads a version such as `3.35` or `3.44.2`; a part that is left out is 0.
    ///
    /// ```
    /// use phaseshift::sql::SqliteVersion;
    /// assert!(SqliteVersion::parse("3.9").unwrap() < SqliteVersion::parse("3.35.4").unwrap());
    /// assert!(SqliteVersion::parse("3").is_none());
    /// assert!(SqliteVersion::parse("3.x").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<u32> =
            text.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        match parts[..] {
            [major, minor] => Some(Self(major, minor, 0)),
            [major, minor, patch] => Some(Self(major, minor, patch)),
            _ => None,
        }
    }
}

impl fmt::Display for SqliteVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(major, minor, patch) = self;
        match patch {
            0 => write!(formatter, "{major}.{minor}"),
            _ => write!(formatter, "{major}.{minor}.{patch}"),
        }
    }
}

/// Something in SQL text that needs a release of SQLite.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Feature {
    /// The first release that reads it.
    pub since: SqliteVersion,
    /// What it is, as SQLite's documentation calls it.
    pub name: String,
    /// The page of SQLite's documentation that describes it.
    pub page: &'static str,
}

const VIEWS: &str = "https://sqlite.org/lang_select.html";
const FUNCTIONS: &str = "https://sqlite.org/lang_corefunc.html";
const AGGREGATES: &str = "https://sqlite.org/lang_aggfunc.html";
const DATES: &str = "https://sqlite.org/lang_datefunc.html";
const JSON: &str = "https://sqlite.org/json1.html";

/// Functions with the release that added them.
const FUNCTION_RELEASES: &[(&str, SqliteVersion, &str)] = &[
    ("iif", SqliteVersion(3, 32, 0), FUNCTIONS),
    ("substring", SqliteVersion(3, 34, 0), FUNCTIONS),
    ("format", SqliteVersion(3, 38, 0), FUNCTIONS),
    ("unixepoch", SqliteVersion(3, 38, 0), DATES),
    ("unhex", SqliteVersion(3, 41, 0), FUNCTIONS),
    ("json_error_position", SqliteVersion(3, 42, 0), JSON),
    ("timediff", SqliteVersion(3, 43, 0), DATES),
    ("octet_length", SqliteVersion(3, 43, 0), FUNCTIONS),
    ("concat", SqliteVersion(3, 44, 0), FUNCTIONS),
    ("concat_ws", SqliteVersion(3, 44, 0), FUNCTIONS),
    ("string_agg", SqliteVersion(3, 44, 0), AGGREGATES),
    ("jsonb", SqliteVersion(3, 45, 0), JSON),
    ("jsonb_array", SqliteVersion(3, 45, 0), JSON),
    ("jsonb_object", SqliteVersion(3, 45, 0), JSON),
    ("jsonb_extract", SqliteVersion(3, 45, 0), JSON),
    ("jsonb_insert", SqliteVersion(3, 45, 0), JSON),
    ("jsonb_patch", SqliteVersion(3, 45, 0), JSON),
    ("jsonb_remove", SqliteVersion(3, 45, 0), JSON),
    ("jsonb_replace", SqliteVersion(3, 45, 0), JSON),
    ("jsonb_set", SqliteVersion(3, 45, 0), JSON),
    ("jsonb_group_array", SqliteVersion(3, 45, 0), JSON),
    ("jsonb_group_object", SqliteVersion(3, 45, 0), JSON),
    ("json_pretty", SqliteVersion(3, 46, 0), JSON),
    ("if", SqliteVersion(3, 48, 0), FUNCTIONS),
    ("unistr", SqliteVersion(3, 50, 0), FUNCTIONS),
];

/// The significant tokens of one text.
struct Words<'a> {
    text: &'a str,
    tokens: Vec<Token>,
}

impl Words<'_> {
    fn is(&self, at: usize, word: &str) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|token| token.is_word(self.text, word) || token.is_mark(self.text, word))
    }

    /// Returns the positions at which these words and marks follow each other.
    fn find<'w>(&'w self, wanted: &'w [&'w str]) -> impl Iterator<Item = usize> + 'w {
        (0..self.tokens.len()).filter(|start| {
            wanted.iter().enumerate().all(|(step, word)| self.is(start + step, word))
        })
    }

    fn has(&self, wanted: &[&str]) -> bool {
        self.find(wanted).next().is_some()
    }

    /// Returns the position behind the bracket that closes the one at `open`.
    fn behind(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for at in open..self.tokens.len() {
            if self.is(at, "(") {
                depth += 1;
            } else if self.is(at, ")") {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
        }
        self.tokens.len()
    }

    /// Returns the positions of the brackets that open the arguments of a function, with its name.
    fn calls(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..self.tokens.len()).filter(|at| self.is(*at, "(")).filter_map(|at| {
            let name = self.tokens[at - 1];
            let called = name.kind == TokenKind::Word && !(at > 1 && self.is(at - 2, "."));
            called.then(|| (at, name.text(self.text)))
        })
    }

    /// Whether a call holds the keyword on its own level.
    fn call_holds(&self, word: &str) -> bool {
        self.calls().any(|(open, name)| {
            let mut depth = 0_usize;
            (open..self.behind(open)).any(|at| {
                if self.is(at, "(") {
                    depth += 1;
                } else if self.is(at, ")") {
                    depth = depth.saturating_sub(1);
                }
                depth == 1 && self.is(at, word)
            }) && !is_clause(name)
        })
    }

    /// Whether a keyword follows the arguments of a call.
    fn call_is_followed_by(&self, word: &str) -> bool {
        self.calls().any(|(open, name)| !is_clause(name) && self.is(self.behind(open), word))
    }
}

/// Keywords behind which a bracket opens no arguments.
fn is_clause(word: &str) -> bool {
    const CLAUSES: [&str; 24] = [
        "all", "and", "as", "between", "by", "case", "check", "else", "exists", "filter", "from",
        "having", "in", "join", "key", "not", "on", "or", "over", "select", "then", "union",
        "when", "where",
    ];
    CLAUSES.iter().any(|clause| word.eq_ignore_ascii_case(clause))
}

type Test = fn(&Words<'_>) -> bool;

/// Syntax with the release that added it.
const SYNTAX: &[(SqliteVersion, &str, &str, Test)] = &[
    (SqliteVersion(3, 8, 0), "a partial index", "https://sqlite.org/partialindex.html", |it| {
        creates(it, "INDEX") && it.has(&["WHERE"])
    }),
    (SqliteVersion(3, 8, 2), "WITHOUT ROWID", "https://sqlite.org/withoutrowid.html", |it| {
        creates(it, "TABLE") && it.has(&["WITHOUT", "ROWID"])
    }),
    (SqliteVersion(3, 8, 3), "WITH", "https://sqlite.org/lang_with.html", |it| {
        (creates(it, "VIEW") || creates(it, "TRIGGER"))
            && (it.has(&["WITH", "RECURSIVE"]) || it.has(&["AS", "WITH"]) || it.has(&["(", "WITH"]))
    }),
    (
        SqliteVersion(3, 9, 0),
        "an index on an expression",
        "https://sqlite.org/expridx.html",
        |it| creates(it, "INDEX") && indexes_an_expression(it),
    ),
    (SqliteVersion(3, 24, 0), "UPSERT", "https://sqlite.org/lang_upsert.html", |it| {
        it.find(&["ON", "CONFLICT"]).any(|at| {
            let behind = if it.is(at + 2, "(") { it.behind(at + 2) } else { at + 2 };
            it.is(behind, "DO") || it.is(behind, "WHERE")
        })
    }),
    (
        SqliteVersion(3, 25, 0),
        "window functions",
        "https://sqlite.org/windowfunctions.html",
        |it| it.call_is_followed_by("OVER"),
    ),
    (SqliteVersion(3, 30, 0), "FILTER on an aggregate function", AGGREGATES, |it| {
        it.call_is_followed_by("FILTER")
    }),
    (SqliteVersion(3, 30, 0), "NULLS FIRST or NULLS LAST", VIEWS, |it| {
        it.has(&["NULLS", "FIRST"]) || it.has(&["NULLS", "LAST"])
    }),
    (SqliteVersion(3, 31, 0), "generated columns", "https://sqlite.org/gencol.html", |it| {
        creates(it, "TABLE") && (it.has(&["GENERATED", "ALWAYS"]) || has_generated(it))
    }),
    (SqliteVersion(3, 33, 0), "UPDATE FROM", "https://sqlite.org/lang_update.html", updates_from),
    (SqliteVersion(3, 34, 0), "the trigram tokenizer", "https://sqlite.org/fts5.html", |it| {
        creates_with_module(it) && it.text.to_ascii_lowercase().contains("trigram")
    }),
    (SqliteVersion(3, 35, 0), "MATERIALIZED", "https://sqlite.org/lang_with.html", |it| {
        it.has(&["AS", "MATERIALIZED"]) || it.has(&["AS", "NOT", "MATERIALIZED"])
    }),
    (SqliteVersion(3, 37, 0), "STRICT tables", "https://sqlite.org/stricttables.html", |it| {
        creates(it, "TABLE") && is_strict(it)
    }),
    (SqliteVersion(3, 38, 0), "the operators -> and ->>", JSON, |it| {
        it.has(&["->"]) || it.has(&["->>"])
    }),
    (SqliteVersion(3, 39, 0), "RIGHT and FULL JOIN", VIEWS, |it| {
        ["RIGHT", "FULL"]
            .iter()
            .any(|side| it.has(&[side, "JOIN"]) || it.has(&[side, "OUTER", "JOIN"]))
    }),
    (SqliteVersion(3, 39, 0), "IS DISTINCT FROM", "https://sqlite.org/lang_expr.html", |it| {
        it.has(&["IS", "DISTINCT", "FROM"]) || it.has(&["IS", "NOT", "DISTINCT", "FROM"])
    }),
    (SqliteVersion(3, 43, 0), "contentless_delete", "https://sqlite.org/fts5.html", |it| {
        creates_with_module(it) && it.has(&["contentless_delete", "="])
    }),
    (SqliteVersion(3, 44, 0), "ORDER BY in an aggregate function", AGGREGATES, |it| {
        it.call_holds("ORDER")
    }),
    (SqliteVersion(3, 46, 0), "digit separators", "https://sqlite.org/lang_expr.html", |it| {
        let numbers = it.tokens.iter().filter(|token| token.kind == TokenKind::Number);
        numbers.into_iter().any(|token| token.text(it.text).contains('_'))
    }),
    (SqliteVersion(3, 47, 0), "contentless_unindexed", "https://sqlite.org/fts5.html", |it| {
        creates_with_module(it) && it.has(&["contentless_unindexed", "="])
    }),
    (
        SqliteVersion(3, 47, 0),
        "RAISE with an expression",
        "https://sqlite.org/lang_createtrigger.html",
        |it| {
            it.find(&["RAISE", "("]).any(|at| {
                let message = it.tokens.get(at + 4);
                it.is(at + 3, ",")
                    && (message.is_some_and(|it| it.kind != TokenKind::Text) || !it.is(at + 5, ")"))
            })
        },
    ),
];

fn creates(words: &Words<'_>, kind: &str) -> bool {
    (1..4).any(|at| words.is(at, kind))
}

fn creates_with_module(words: &Words<'_>) -> bool {
    words.is(1, "VIRTUAL")
}

/// The words behind the last bracket of a table are its options.
fn is_strict(words: &Words<'_>) -> bool {
    let options = words.tokens.iter().rposition(|token| token.is_mark(words.text, ")"));
    options.is_some_and(|last| (last + 1..words.tokens.len()).any(|at| words.is(at, "STRICT")))
}

/// `AS (` without GENERATED ALWAYS stands in a column definition, never behind CAST's type.
fn has_generated(words: &Words<'_>) -> bool {
    words.find(&["AS", "("]).any(|at| at > 3)
}

fn indexes_an_expression(words: &Words<'_>) -> bool {
    let Some(open) = (0..words.tokens.len()).find(|at| words.is(*at, "(")) else { return false };
    let end = words.behind(open).saturating_sub(1);
    (open + 1..end).any(|at| words.tokens[at].kind == TokenKind::Punctuation && !words.is(at, ","))
}

/// An UPDATE of a trigger that has FROM before its WHERE, outside of subqueries.
fn updates_from(words: &Words<'_>) -> bool {
    words.find(&["SET"]).any(|start| {
        let mut at = start;
        while at < words.tokens.len() && !words.is(at, ";") && !words.is(at, "WHERE") {
            if words.is(at, "FROM") {
                return true;
            }
            at = if words.is(at, "(") { words.behind(at) } else { at + 1 };
        }
        false
    })
}

/// Returns the features of a CREATE statement that need a certain release, the newest first.
///
/// ```
/// use phaseshift::sql::features;
/// let found = features("CREATE TABLE t(a INT, b AS (a + 1)) STRICT");
/// let releases: Vec<String> = found.iter().map(|it| it.since.to_string()).collect();
/// assert_eq!(releases, ["3.37", "3.31"]);
/// ```
pub fn features(sql: &str) -> Vec<Feature> {
    let words = Words { text: sql, tokens: significant_tokens(sql).collect() };
    let syntax = SYNTAX.iter().filter(|(_, _, _, test)| test(&words));
    let mut found: Vec<Feature> = syntax
        .map(|(since, name, page, _)| Feature { since: *since, name: (*name).to_owned(), page })
        .collect();
    if !creates_with_module(&words) {
        for (_, called) in words.calls() {
            let known =
                FUNCTION_RELEASES.iter().find(|(name, _, _)| called.eq_ignore_ascii_case(name));
            found.extend(known.map(|(name, since, page)| Feature {
                since: *since,
                name: format!("the function {name}()"),
                page,
            }));
        }
    }
    found.sort();
    found.dedup();
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn releases(sql: &str) -> Vec<String> {
        features(sql).iter().map(|it| it.since.to_string()).collect()
    }

    #[test]
    fn each_feature_is_found_where_it_is_and_nowhere_else() {
        for (sql, wanted) in [
            ("CREATE TABLE t(a, b TEXT DEFAULT (strict), CHECK (a IN (1, 2)))", vec![]),
            ("CREATE TABLE t(a, over, filter, strict INT, \"->\" TEXT)", vec![]),
            ("CREATE TABLE t(a CHECK (CAST(a AS TEXT) = a))", vec![]),
            ("CREATE VIEW v AS SELECT a FROM t ORDER BY a", vec![]),
            ("CREATE VIEW v AS SELECT max(a), (SELECT b FROM u ORDER BY b) FROM t", vec![]),
            ("CREATE VIEW v AS SELECT 1 WHERE a IN (SELECT b FROM u ORDER BY 1)", vec![]),
            ("CREATE VIEW v AS SELECT count(a) FILTER (WHERE a > 1) FROM t", vec!["3.30"]),
            ("CREATE VIEW v AS SELECT sum(a) OVER (ORDER BY b) FROM t", vec!["3.25"]),
            ("CREATE VIEW v AS SELECT group_concat(a ORDER BY b) FROM t", vec!["3.44"]),
            ("CREATE VIEW v AS SELECT string_agg(a, ',' ORDER BY b) FROM t", vec!["3.44", "3.44"]),
            ("CREATE VIEW v AS SELECT a ->> '$.x' FROM t", vec!["3.38"]),
            ("CREATE VIEW v AS SELECT * FROM t FULL OUTER JOIN u", vec!["3.39"]),
            ("CREATE VIEW v AS SELECT 1_000", vec!["3.46"]),
            (
                "CREATE VIEW v AS WITH w AS NOT MATERIALIZED (SELECT 1) SELECT * FROM w",
                vec!["3.35", "3.8.3"],
            ),
            ("CREATE INDEX i ON t(a) WHERE b", vec!["3.8"]),
            ("CREATE INDEX i ON t(lower(a))", vec!["3.9"]),
            ("CREATE INDEX i ON t(a COLLATE NOCASE DESC, \"b c\")", vec![]),
            (
                "CREATE TABLE t(a INTEGER PRIMARY KEY, b ANY) STRICT, WITHOUT ROWID",
                vec!["3.37", "3.8.2"],
            ),
            (
                "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE u SET a = x.b FROM x; END",
                vec!["3.33"],
            ),
            (
                "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE u SET a = (SELECT b FROM x); END",
                vec![],
            ),
            (
                "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO u VALUES (1) ON CONFLICT (a) DO NOTHING; END",
                vec!["3.24"],
            ),
            ("CREATE TRIGGER g BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'no'); END", vec![]),
            (
                "CREATE TRIGGER g BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'no ' || old.a); END",
                vec!["3.47"],
            ),
            ("CREATE VIRTUAL TABLE f USING fts5(a, tokenize = 'trigram')", vec!["3.34"]),
            (
                "CREATE VIRTUAL TABLE f USING fts5(format, content='', contentless_delete=1)",
                vec!["3.43"],
            ),
        ] {
            assert_eq!(releases(sql), wanted, "{sql}");
        }
    }
}
