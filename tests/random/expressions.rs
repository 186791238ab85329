//! Expressions over columns, whose values are the same in every version of SQLite.

use super::chance::Chance;
use super::model::{Id, Piece, Template};
use super::names::Style;

/// A column in an expression.
pub fn mention(chance: &mut Chance, column: Id) -> Piece {
    Piece::Column(column, Style::any(chance))
}

fn around(before: &str, column: Piece, after: &str) -> Template {
    vec![Piece::Text(before.to_owned()), column, Piece::Text(after.to_owned())]
}

/// A condition that most values fulfil.
pub fn condition(chance: &mut Chance, columns: &[Id]) -> Template {
    let column = mention_any(chance, columns);
    if chance.strange(12) {
        return around("app_fn(", column, ") IS NOT 'never'");
    }
    match chance.below(9) {
        0 => around("", column, " IS NOT NULL"),
        1 => around("typeof(", column, ") <> 'blob'"),
        2 => around("length(", column, ") < 500"),
        3 => around("", column, " <> \"dqs none\""),
        4 => around("(", column, ") BETWEEN -50 AND 50 /* small */"),
        5 => {
            let mut template = around("", column, " IS NOT ");
            template.push(mention_any(chance, columns));
            template
        }
        6 => around("", column, " NOT IN (77, 'x''y', x'00ff')"),
        7 => around("CASE WHEN ", column, " > 40 THEN 0 ELSE 1 END"),
        _ => {
            let mut template = around("(", column, " > -9 OR ");
            template.push(mention_any(chance, columns));
            template.push(Piece::Text(" IS NULL)".to_owned()));
            template
        }
    }
}

/// A value that depends on columns.
pub fn value(chance: &mut Chance, columns: &[Id]) -> Template {
    let column = mention_any(chance, columns);
    if chance.strange(15) {
        return around("app_fn(", column, ")");
    }
    match chance.below(7) {
        0 => around("typeof(", column, ")"),
        1 => around("coalesce(", column, ", 7)"),
        // SQLite takes NOT NULL at its word and may answer IS NULL without looking: which, depends on the query.
        2 => around("(typeof(", column, ") = 'null')"),
        3 => around("CASE WHEN typeof(", column, ") = 'integer' THEN 'i' ELSE 'other' END"),
        4 => around("(", column, " > 3)"),
        5 => {
            let mut template = around("coalesce(", column, ", ");
            template.push(mention_any(chance, columns));
            template.push(Piece::Text(", 'none')".to_owned()));
            template
        }
        _ => around("nullif(", column, ", 1)"),
    }
}

/// The key of an index: brackets, and perhaps a condition.
pub fn index_keys(chance: &mut Chance, columns: &[Id]) -> Template {
    let mut template = vec![Piece::Text(chance.word(&["(", " (", " ( /* keys */ "]).to_owned())];
    for number in 0..chance.between(1, 3) {
        if number > 0 {
            template.push(Piece::Text(", ".to_owned()));
        }
        if chance.percent(25) {
            template.extend(value(chance, columns));
        } else {
            template.push(mention_any(chance, columns));
        }
        let end =
            chance.word(&["", "", "", " DESC", " ASC", " COLLATE NOCASE", " COLLATE RTRIM DESC"]);
        let end = if chance.strange(12) { " COLLATE app_order" } else { end };
        template.push(Piece::Text(end.to_owned()));
    }
    template.push(Piece::Text(")".to_owned()));
    if chance.percent(25) {
        template.push(Piece::Text("\n  WHERE ".to_owned()));
        template.extend(condition(chance, columns));
    }
    template
}

fn mention_any(chance: &mut Chance, columns: &[Id]) -> Piece {
    let column = *chance.pick(columns);
    mention(chance, column)
}

/// A constant as SQL.
pub fn constant(chance: &mut Chance, type_name: &str) -> String {
    let small = || ["0", "1", "2", "3", "4", "5", "6", "7", "-1", "41", "42", "43"];
    let family = if chance.percent(70) { family(type_name) } else { chance.below(5) };
    match family {
        0 => match chance.below(16) {
            0 => "9223372036854775807",
            1 => "-9223372036854775808",
            2 => "2147483648",
            _ => chance.word(&small()),
        },
        1 => {
            chance.word(&["0.5", "1.0", "-2.25", "1e300", "9e999", "-9e999", "-0.0", "3.0", "1e-5"])
        }
        2 => match chance.below(14) {
            0 => "CAST(x'c328ff' AS TEXT)",
            1 => "'a' || char(0) || 'b'",
            2 => "char(128512, 233)",
            3 => "printf('%.200c', 'z')",
            4 => "''",
            5 => "'12'",
            _ => chance.word(&["'one'", "'ONE'", "'two'", "'it''s'", "'x '", "'abc'", "'dark'"]),
        },
        3 => chance.word(&["x''", "x'00ff'", "zeroblob(20)", "x'616263'", "x'80'"]),
        _ => "NULL",
    }
    .to_owned()
}

fn family(type_name: &str) -> usize {
    let upper = type_name.to_ascii_uppercase();
    if upper.contains("INT") {
        0
    } else if upper.contains("CHAR") || upper.contains("TEXT") {
        2
    } else if upper.contains("REAL") || upper.contains("DOUB") {
        1
    } else if upper.contains("BLOB") {
        3
    } else {
        0
    }
}

/// A default that a column may have, as it stands after the word DEFAULT.
pub fn default(chance: &mut Chance, type_name: &str) -> String {
    match chance.below(14) {
        0 => "NULL".to_owned(),
        1 => "CURRENT_TIMESTAMP".to_owned(),
        2 => "(1 + 2)".to_owned(),
        3 => "( 'a' || 'b' ) /* sum */".to_owned(),
        4 => "\"dqs text\"".to_owned(),
        5 => "TRUE".to_owned(),
        6 => "+1.5e3".to_owned(),
        7 => "-5".to_owned(),
        8 => "(random())".to_owned(),
        9 => "x'0aFF'".to_owned(),
        10 => "'it''s; -- no comment'".to_owned(),
        _ => match constant(chance, type_name) {
            plain if plain.contains('(') || plain.contains('|') => format!("({plain})"),
            plain => plain,
        },
    }
}

/// Tells whether a default gives another value each time.
pub fn is_fickle(default: &str) -> bool {
    default.contains("random") || default.contains("CURRENT")
}
