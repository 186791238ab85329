//! Values that phases take from the clock or from chance: two new files do not get the same ones.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::name::same;
use crate::phase::{Operation, Step};
use crate::schema::{RowKey, Table};
use crate::sql::{mentions, significant_tokens, statements};

/// Returns whether SQL asks the clock or draws a value.
pub(super) fn is_unsteady(sql: &str) -> bool {
    const WORDS: [&str; 6] =
        ["CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "random", "randomblob", "now"];
    // Without an argument they give the present time.
    const CLOCKS: [&str; 5] = ["date", "time", "datetime", "julianday", "unixepoch"];
    let tokens: Vec<_> = significant_tokens(sql).collect();
    let is_call = |word: &str| {
        tokens
            .windows(3)
            .any(|it| it[0].is_word(sql, word) && it[1].text(sql) == "(" && it[2].text(sql) == ")")
    };
    mentions(sql, &WORDS)
        || sql.to_ascii_lowercase().contains("'now'")
        || CLOCKS.into_iter().any(is_call)
}

/// Which values of new files are not compared, because the phases take them from the clock or from chance.
pub(super) struct Unsteady<'p> {
    /// The statements of data steps that do so.
    data: Vec<&'p str>,
    /// The tables in which such values were left out.
    left_out: RefCell<BTreeSet<String>>,
}

impl<'p> Unsteady<'p> {
    pub(super) fn of(steps: impl IntoIterator<Item = &'p Step>) -> Self {
        let data = steps.into_iter().flat_map(|step| match &step.operation {
            Operation::Sql { sql, .. } => {
                statements(sql).into_iter().filter_map(|it| sql.get(it)).collect()
            }
            _ => Vec::new(),
        });
        Self { data: data.filter(|it| is_unsteady(it)).collect(), left_out: RefCell::default() }
    }

    /// Returns the columns that can be compared; `None` if only the number of rows can be.
    pub(super) fn steady(
        &self,
        (table, rows): (&Table, u64),
        columns: Vec<String>,
    ) -> Option<Vec<String>> {
        let drawn = |name: &str| {
            let column = table.column(name);
            column.and_then(|it| it.default.as_deref()).is_some_and(is_unsteady)
        };
        let all = columns.len();
        let steady: Vec<String> = columns.into_iter().filter(|it| !drawn(it)).collect();
        let is_changed = self.data.iter().any(|sql| mentions(sql, &[&table.name]));
        let has_drawn_key = match &table.key {
            RowKey::PrimaryKey(key) => key.iter().any(|key| !steady.iter().any(|it| same(it, key))),
            RowKey::Rowid(_) | RowKey::HiddenRowid | RowKey::Module => false,
        };
        if rows > 0 && (is_changed || steady.len() < all) {
            self.left_out.borrow_mut().insert(table.name.clone());
        }
        (!is_changed && !has_drawn_key && !steady.is_empty()).then_some(steady)
    }

    /// The tables in which values were left out.
    pub(super) fn left_out(self) -> Vec<String> {
        self.left_out.into_inner().into_iter().collect()
    }
}
