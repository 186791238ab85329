//! Makes a case smaller as long as the same thing goes wrong.

use super::case::Case;
use super::model::Owner;
use super::verdict::{Verdict, try_all};

const ATTEMPTS: usize = 400;

/// Leaves out whatever can be left out.
pub fn shrink(case: Case, why: String) -> (Case, String) {
    let mut best = (case, why);
    let mut left = ATTEMPTS;
    loop {
        let mut smaller = None;
        for candidate in candidates(&best.0) {
            if left == 0 {
                return best;
            }
            left -= 1;
            if let Some(why) = fails_alike(&candidate, &best.1) {
                smaller = Some((candidate, why));
                break;
            }
        }
        match smaller {
            Some(found) => best = found,
            None => return best,
        }
    }
}

fn fails_alike(case: &Case, why: &str) -> Option<String> {
    match try_all(std::slice::from_ref(case)).pop() {
        Some(Verdict::Wrong(found)) if sort_of(&found) == sort_of(why) => Some(found),
        _ => None,
    }
}

fn sort_of(why: &str) -> String {
    why.split([' ', ':']).take(2).collect::<Vec<_>>().join(" ")
}

fn candidates(case: &Case) -> Vec<Case> {
    let mut all = Vec::new();
    let mut without = |change: &dyn Fn(&mut Case)| {
        let mut smaller = case.clone();
        change(&mut smaller);
        all.push(smaller);
    };
    for place in 0..case.changes.len() {
        without(&|it| drop(it.changes.remove(place)));
    }
    if !case.content.rows.is_empty() {
        without(&|it| it.content.rows.clear());
        let half = case.content.rows.len() / 2;
        without(&|it| it.content.rows.truncate(half));
        without(&|it| drop(it.content.rows.drain(..half)));
        if case.content.rows.len() < 8 {
            for place in 0..case.content.rows.len() {
                without(&|it| drop(it.content.rows.remove(place)));
            }
        }
    }
    for place in 0..case.schema.triggers.len() {
        without(&|it| drop(it.schema.triggers.remove(place)));
    }
    for view in &case.schema.views {
        without(&|it| {
            it.schema.views.retain(|other| other.name != view.name);
            it.schema.triggers.retain(|other| other.owner != Owner::View(view.name.clone()));
        });
    }
    for place in 0..case.schema.indexes.len() {
        without(&|it| drop(it.schema.indexes.remove(place)));
    }
    for place in 0..case.content.epilogue.len() {
        without(&|it| drop(it.content.epilogue.remove(place)));
    }
    for place in 0..case.content.properties.len() {
        without(&|it| drop(it.content.properties.remove(place)));
    }
    if case.content.wal {
        without(&|it| it.content.wal = false);
    }
    all.extend(without_tables(case));
    all.extend(without_parts(case));
    all
}

fn without_tables(case: &Case) -> Vec<Case> {
    let free = case.schema.tables.iter().filter(|it| !case.schema.uses_table(it.id));
    free.map(|table| {
        let mut smaller = case.clone();
        smaller.schema.tables.retain(|it| it.id != table.id);
        smaller.schema.indexes.retain(|it| it.table != table.id);
        smaller.schema.triggers.retain(|it| it.owner != Owner::Table(table.id));
        smaller.content.rows.retain(|it| it.table != table.id);
        smaller
    })
    .collect()
}

/// Without single columns, clauses and constraints.
fn without_parts(case: &Case) -> Vec<Case> {
    let mut all = Vec::new();
    for (place, table) in case.schema.tables.iter().enumerate() {
        for number in 0..table.constraints.len() {
            let mut smaller = case.clone();
            smaller.schema.tables[place].constraints.remove(number);
            all.push(smaller);
        }
        for (number, column) in table.columns.iter().enumerate() {
            if table.columns.len() > 1 && !case.schema.uses_column(column.id) {
                let mut smaller = case.clone();
                smaller.schema.tables[place].columns.remove(number);
                all.push(smaller);
            }
            for clause in 0..column.clauses.len() {
                let mut smaller = case.clone();
                smaller.schema.tables[place].columns[number].clauses.remove(clause);
                all.push(smaller);
            }
        }
    }
    all
}
