//! The rules of `lint`: what each code means, why it matters, and what to do.

use crate::phase::BROKEN;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LintRule {
    /// The stable name, as in `allow`.
    pub code: &'static str,
    /// What it finds, in a few words.
    pub finds: &'static str,
    pub why: &'static str,
    pub fix: &'static str,
}

pub fn lint_rule(code: &str) -> Option<&'static LintRule> {
    LINT_RULES.iter().find(|rule| rule.code == code)
}

/// All rules, in the order in which they are documented.
pub const LINT_RULES: &[LintRule] = &[
    LintRule {
        code: "drop-table",
        finds: "a table that is dropped",
        why: "its rows are lost, and a downgrade brings the table back empty",
        fix: "keep the table until no program reads it, or copy its rows in a sql step before",
    },
    LintRule {
        code: "drop-column",
        finds: "a column that is dropped",
        why: "its values are lost, and a downgrade brings the column back empty",
        fix: "keep the column until no program reads it, or copy its values in a step before",
    },
    LintRule {
        code: "drop-view",
        finds: "a view that is dropped and not created again",
        why: "programs that read the view fail",
        fix: "use replace_view, or drop it when no program reads it",
    },
    LintRule {
        code: "drop-trigger",
        finds: "a trigger that is dropped and not created again",
        why: "what the trigger kept true is no longer enforced, and nothing reports it",
        fix: "use replace_trigger, or say in a comment what replaces it",
    },
    LintRule {
        code: "drop-unique",
        finds: "a unique index that is dropped and not created again",
        why: "duplicates may be written from then on, and the index cannot be created again afterwards",
        fix: "create the new unique index in the same phase",
    },
    LintRule {
        code: "type-change",
        finds: "a column that gets another type",
        why: "a value that the new type would convert ('3000' to 3000) is refused; one that does not fit stays as it is, or is refused by a STRICT table",
        fix: "give `value`, the expression that converts old values",
    },
    LintRule {
        code: "not-null",
        finds: "a column that must not be NULL, without a value for old rows",
        why: "the phase is refused on a file that has a row without a value",
        fix: "give a DEFAULT or `value`, or fill the column in a sql step before",
    },
    LintRule {
        code: "unique",
        finds: "a UNIQUE rule on a table that can have rows",
        why: "the phase is refused on a file that has duplicates",
        fix: "remove duplicates in a sql step before, or state the rule in a [[require]] check",
    },
    LintRule {
        code: "check",
        finds: "a CHECK on a table that can have rows",
        why: "the phase is refused on a file with a row that breaks it",
        fix: "correct such rows in a sql step before, or state the rule in a [[require]] check",
    },
    LintRule {
        code: "constraint",
        finds: "a constraint on a table that can have rows",
        why: "the phase is refused on a file with a row that breaks it",
        fix: "correct such rows in a sql step before",
    },
    LintRule {
        code: "rebuild",
        finds: "a whole new definition for a table that can have rows",
        why: "the new definition replaces the old: if a row breaks a new rule, the phase is refused; columns and rules that it leaves out are lost",
        fix: "give `values` for what old rows lack, or use add_column, alter_column or add_constraint instead",
    },
    LintRule {
        code: "lost-rule",
        finds: "a rule that a new definition leaves out",
        why: "rows that the table refused before are accepted from then on",
        fix: "repeat the rule in the new definition, or drop it with drop_constraint",
    },
    LintRule {
        code: "becomes-generated",
        finds: "a column that becomes generated",
        why: "its stored values are replaced by computed ones",
        fix: "compare the stored values with the computed ones in a [[require]] check",
    },
    LintRule {
        code: "foreign-key-index",
        finds: "a foreign key without an index on its columns",
        why: "every delete of a parent row, and every change of its key, reads the whole child table",
        fix: "create an index on the columns of the key (https://sqlite.org/foreignkeys.html#fk_indexes)",
    },
    LintRule {
        code: "duplicate-index",
        finds: "an index on the same columns as another one",
        why: "it costs space and time at every write, and speeds nothing up",
        fix: "leave it out, or drop the other one",
    },
    LintRule {
        code: "captured-name",
        finds: "a new name that captures a name in a view or trigger",
        why: "the stored text is rewritten to keep its meaning; queries of programs are not, and may read the new column",
        fix: "choose another name, or write column names with their table everywhere",
    },
    LintRule {
        code: "newer-sqlite",
        finds: "SQL that older releases of SQLite cannot read",
        why: "an older SQLite refuses the whole file as malformed",
        fix: "write it in older syntax, or raise min_sqlite",
    },
    LintRule {
        code: "no-way-back",
        finds: "a data step without a downgrade",
        why: "the phase cannot be undone, only restored from a backup",
        fix: "write [[down]] steps, or say irreversible = \"why\"",
    },
    LintRule {
        code: "irreversible",
        finds: "a phase that cannot be undone",
        why: "a mistake costs what was written since the backup",
        fix: "write [[down]] steps if there is a way",
    },
    LintRule {
        code: "sql-creates",
        finds: "an object that a data step creates",
        why: "a data step has no downgrade of its own",
        fix: "use a create step",
    },
    LintRule {
        code: "sql-drops",
        finds: "an object that a data step drops",
        why: "a data step has no downgrade of its own",
        fix: "use a drop step",
    },
    LintRule {
        code: "sql-renames",
        finds: "an object that a data step renames",
        why: "a data step has no downgrade of its own",
        fix: "use a rename step",
    },
    LintRule {
        code: "sql-remakes",
        finds: "a table that a data step recreates",
        why: "rowids, counters and indexes that the statements leave out are lost",
        fix: "use a rebuild step, which proves every row",
    },
    LintRule {
        code: "sql-changes",
        finds: "an object that a data step changes",
        why: "a data step has no downgrade of its own",
        fix: "use add_column, rename_column and drop_column steps",
    },
    LintRule {
        code: BROKEN,
        finds: "a view, trigger or foreign key that is broken (refused without `allow`)",
        why: "a broken view cannot be read, and every write to the table of a broken trigger or foreign key fails",
        fix: "correct or drop it in a later phase",
    },
    LintRule {
        code: "description",
        finds: "a description that is empty or long",
        why: "schema_version and the lists of phases show it on one line",
        fix: "say in a few words what the phase does",
    },
    LintRule {
        code: "not-additive",
        finds: "a step that programs of before notice (with --additive)",
        why: "programs written for the old schema may fail",
        fix: "add the new name beside the old one, and remove the old one in a later release",
    },
    LintRule {
        code: "unused-allow",
        finds: "an `allow` that matches no finding",
        why: "it hides the next finding of that code",
        fix: "remove it, or correct its code",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_there_once_and_says_what_to_do() {
        for (place, rule) in LINT_RULES.iter().enumerate() {
            assert!(LINT_RULES[place + 1..].iter().all(|it| it.code != rule.code), "{}", rule.code);
            assert!(!rule.why.is_empty() && !rule.fix.is_empty(), "{}", rule.code);
        }
    }
}
