//! The list of checks before the commit, and the verdict.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::baseline::Baseline;
use super::carried::{sequences_follow, statistics_follow};
use super::keys::{KeysKnown, tables_with_keys};
use super::lineage::{Provenance, provenance};
use super::orphans::{Orphans, action_not_run};
use super::records::ExpectedRecords;
use super::remade::{RemadeRows, RemadeTable};
use super::rows::{
    Seen, Sides, apart, compare_all, follows_changes, index_entries, rows_to_compare,
};
use super::sound::Soundness;
use super::violations::{
    Violation, Violations, Violator, foreign_key_violations, summed_up, violations_but_of,
};
use super::virtual_tables::compare_reached;
use crate::assertion::evaluate;
use crate::compare::{compare_entries, not_identical};
use crate::database::{Database, Identity};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Observer, Stage};
use crate::history::VersionTables;
use crate::name::{fold, same};
use crate::plan::{Plan, Stage as PlanStage};
use crate::records::Records;
use crate::rows::{count_rows, index_finding};
use crate::schema::{Content, Module, ObjectKind, Schema, VirtualTable, read_again, read_entries};
use crate::shadow::{Shadow, TableEffect, uncompilable};
use crate::text::counted;

#[derive(Debug)]
pub struct Subject<'a> {
    /// The database, in its uncommitted state.
    pub database: &'a Database,
    /// The verified backup, through a connection of its own.
    pub backup: &'a Database,
    /// The schema in the backup.
    pub before: &'a Schema,
    /// The plan that was carried out.
    pub plan: &'a Plan,
    /// The schema that must be reached.
    pub target: &'a Schema,
    pub versions: &'a VersionTables,
    /// What they must hold.
    pub records: &'a ExpectedRecords,
    /// What was wrong before.
    pub baseline: &'a Baseline,
    /// The properties of the file before.
    pub identity: &'a Identity,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CheckResult {
    /// The stable name of the check.
    pub name: String,
    /// What was found, in words.
    pub detail: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Proof {
    /// Tables compared with the backup.
    pub tables: usize,
    /// Rows found equal to the backup.
    pub rows: u64,
    /// The checks, all of which hold.
    pub checks: Vec<CheckResult>,
    /// Tables whose rows data steps replaced, so that they cannot be matched with the backup.
    pub unproven: Vec<String>,
    /// Tables that data steps recreated.
    pub remade: Vec<RemadeTable>,
    /// Columns of compared tables whose values the phases compute or change, as `table.column`.
    pub changed: Vec<String>,
    /// Columns of compared tables that the phases drop with their values, as `table.column`.
    #[serde(skip)]
    pub dropped: Vec<String>,
    /// Tables of the backup that the phases drop.
    #[serde(skip)]
    pub dropped_tables: Vec<String>,
}

impl Proof {
    /// Says what was found equal, and which tables and values were not compared, because the phases change or drop them.
    pub fn summary(&self) -> String {
        let rows = crate::text::rows(self.rows);
        let tables = counted(self.tables, "table", "tables");
        let mut text = format!("{rows} in {tables} equal to the backup");
        if let Some(apart) = apart(&self.changed, &self.dropped_tables, &self.dropped) {
            text += &apart;
        }
        text
    }
}

/// Proves that the database holds what the backup held and has the schema that the plan promised.
///
/// Nothing is changed. Every check runs to its end, so that a failure lists all that is wrong.
///
/// # Errors
/// [`ErrorKind::Proof`] with one problem per line; [`ErrorKind::Interrupted`].
pub fn prove(subject: &Subject<'_>, observer: &mut dyn Observer) -> Result<Proof> {
    observer.event(&Event::CheckingStarted);
    let now = read_again(subject.database.connection(), subject.target)?;
    let provenance = provenance(subject.before, subject.plan);
    let mut trial = Trial {
        subject,
        now,
        provenance,
        proof: Proof::default(),
        problems: Vec::new(),
        records: Records::open(subject.backup.connection(), subject.database.connection())?,
        seen: BTreeMap::new(),
        observer,
    };
    trial.rows()?;
    trial.schema()?;
    trial.objects_compile()?;
    trial.foreign_keys()?;
    trial.integrity()?;
    trial.carried()?;
    trial.versions()?;
    trial.identity()?;
    trial.phase_checks()?;
    if trial.problems.is_empty() {
        return Ok(trial.proof);
    }
    let count = trial.problems.len();
    let what = match trial.problems.first() {
        Some(only) if count == 1 => only.clone(),
        _ => format!("{count} checks found differences"),
    };
    Err(Error::new(ErrorKind::Proof, what).problems(trial.problems))
}

/// Returns how many rows [`prove`] will find equal to the backup, at least, so that the number can be recorded
/// before the proof: nothing is written after it.
///
/// # Errors
/// Whatever SQLite reports; [`ErrorKind::Interrupted`].
pub fn rows_to_prove(subject: &Subject<'_>) -> Result<u64> {
    let now = read_again(subject.database.connection(), subject.target)?;
    let sides = Sides {
        backup: (subject.backup.connection(), subject.before),
        now: (subject.database.connection(), &now),
    };
    let provenance = provenance(subject.before, subject.plan);
    rows_to_compare(sides, (&provenance, subject.versions), &subject.database.options().interrupt)
}

struct Trial<'a, 'o> {
    subject: &'a Subject<'a>,
    now: Schema,
    provenance: Provenance,
    proof: Proof,
    problems: Vec<String>,
    /// The pages of both databases, where SQLite gives them out.
    records: Option<Records<'a>>,
    /// What was seen of tables, folded, in their records.
    seen: BTreeMap<String, Seen>,
    observer: &'o mut dyn Observer,
}

impl Trial<'_, '_> {
    fn connection(&self) -> &Connection {
        self.subject.database.connection()
    }

    fn record(&mut self, name: &str, detail: String, problems: Vec<String>) {
        if problems.is_empty() {
            self.observer
                .event(&Event::CheckPassed { name: name.to_owned(), detail: detail.clone() });
            self.proof.checks.push(CheckResult { name: name.to_owned(), detail });
        } else {
            self.problems.extend(problems);
        }
    }

    fn rows(&mut self) -> Result<()> {
        let sides = Sides {
            backup: (self.subject.backup.connection(), self.subject.before),
            now: (self.subject.database.connection(), &self.now),
        };
        let interrupt = self.subject.database.options().interrupt.clone();
        let origins = (&self.provenance, self.subject.versions);
        let mut found = compare_all(sides, origins, &mut self.records, &interrupt, self.observer)?;
        compare_reached(sides, &self.provenance, &interrupt, &mut found)?;
        let equal = found.remade.iter().filter(|it| it.rows == RemadeRows::Equal);
        self.proof.tables = found.tables + equal.count();
        self.proof.rows = found.rows + found.remade.iter().map(RemadeTable::proven).sum::<u64>();
        self.proof.unproven.clone_from(&found.unproven);
        self.seen = found.seen;
        let rewritten = |table: &str| {
            self.subject.records.are_purged() && same(table, self.subject.versions.version_table())
        };
        let differences = found.differences.iter().filter(|it| !rewritten(&it.table));
        let mut problems: Vec<String> = differences.map(ToString::to_string).collect();
        problems.extend(self.lost_tables());
        self.proof.remade = found.remade;
        (self.proof.changed, self.proof.dropped) = self.columns_apart();
        let Subject { before, versions, .. } = self.subject;
        self.proof.dropped_tables = self.provenance.dropped_tables(before, versions);
        let mut detail = self.proof.summary();
        if self.records.is_none() {
            detail.push_str(", compared through SQL");
        }
        if !found.unproven.is_empty() {
            detail += &format!("; not compared: {}", found.unproven.join(", "));
        }
        self.record("rows", detail, problems);
        Ok(())
    }

    /// The columns of compared tables whose values the phases change, and those that they drop. Tables of the version
    /// are recorded by the program.
    fn columns_apart(&self) -> (Vec<String>, Vec<String>) {
        let (mut changed, mut dropped) = (Vec::new(), Vec::new());
        for (name, origin) in &self.provenance.tables {
            let compared = !origin.rewritten && !origin.remade && !origin.reached;
            let Some(table) = self.now.shape(name).filter(|_| compared) else { continue };
            if self.subject.versions.contains(name) {
                continue;
            }
            let text = self.now.find_table(name).and_then(|it| it.sql.as_deref());
            let follow = follows_changes(text.unwrap_or_default(), table, origin);
            let changes = |name: &str| origin.changes(name) || follow.contains(&fold(name));
            let columns = table.columns.iter().filter(|it| changes(&it.name));
            changed.extend(columns.map(|it| format!("{}.{}", table.name, it.name)));
            dropped.extend(origin.dropped.iter().map(|it| format!("{}.{it}", table.name)));
        }
        (changed, dropped)
    }

    /// Tables that are gone although no phase drops them.
    fn lost_tables(&self) -> Vec<String> {
        self.provenance
            .tables
            .iter()
            .filter(|(name, _)| self.now.shape(name).is_none())
            .filter(|(name, _)| !crate::name::is_internal(name))
            .map(|(name, _)| format!("the table {name} is missing"))
            .collect()
    }

    fn schema(&mut self) -> Result<()> {
        let mut problems = self.made_for_another()?;
        problems.extend(not_identical(self.subject.target, &self.now));
        let count = |kind| self.now.of_kind(kind).count();
        let kinds = [
            (count(ObjectKind::Table) + count(ObjectKind::VirtualTable), "table", "tables"),
            (count(ObjectKind::Index), "index", "indexes"),
            (count(ObjectKind::View), "view", "views"),
            (count(ObjectKind::Trigger), "trigger", "triggers"),
        ];
        let found: Vec<String> = kinds
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, many)| counted(count, one, many))
            .collect();
        let detail = match found.as_slice() {
            [] => "empty, as planned".to_owned(),
            [only] => format!("{only} as planned"),
            [first @ .., last] => format!("{} and {last} as planned", first.join(", ")),
        };
        self.record("schema", detail, problems);
        Ok(())
    }

    /// What a plan promises is right only for the schema that it was made for: one of another file, or of this file
    /// before another program changed it, would be proven by its own promise. The backup holds what there was.
    fn made_for_another(&self) -> Result<Vec<String>> {
        let was = read_entries(self.subject.backup.connection())?;
        let planned = self.subject.plan.phases.first().map(|phase| phase.before.as_ref());
        let known = [Some(self.subject.before), planned].into_iter().flatten();
        let others = known.flat_map(|it| compare_entries(&was.objects, &it.objects));
        let names: BTreeSet<String> = others.map(|it| it.object().to_string()).collect();
        let line = |it| format!("the plan was made for another schema: {it} differs");
        Ok(names.into_iter().map(line).collect())
    }

    /// Every view and trigger compiles now if it compiled before.
    fn objects_compile(&mut self) -> Result<()> {
        let (allowed, detail) = match self.subject.plan.allows_broken() {
            true => {
                let broken = Shadow::of(self.subject.target)?.broken()?;
                (broken, "all compile as before, but for those that a phase allows to be broken")
            }
            false => (BTreeSet::new(), "all compile as before"),
        };
        let broken_now = uncompilable(self.connection(), &self.now)?;
        let broken_before = uncompilable(self.subject.backup.connection(), self.subject.before)?;
        let problems = broken_now
            .iter()
            .filter(|(name, _)| !broken_before.contains_key(&self.name_before(name)))
            .filter(|(name, _)| !allowed.contains(*name))
            .map(|(name, message)| format!("{name} does not compile: {message}"))
            .collect();
        self.record("views and triggers", detail.to_owned(), problems);
        Ok(())
    }

    /// The name in the backup of a table, or the name itself.
    fn name_before(&self, folded: &str) -> String {
        self.provenance.tables.get(folded).map_or_else(|| folded.to_owned(), |it| fold(&it.from))
    }

    fn foreign_keys(&mut self) -> Result<()> {
        let spared = self.keys_as_before();
        let after = violations_but_of(self.connection(), &self.now, &spared)?;
        let mut problems = Vec::new();
        if after.count() > 0 {
            let backup = self.subject.backup.connection();
            let known = foreign_key_violations(backup, self.subject.before)?;
            let before = |name: &str| self.name_before(name);
            let new = after.new_since(self.connection(), (backup, &known), &before)?;
            problems = self.new_orphans(&new, (&known, &after))?;
        }
        let looked_at = match after.count() {
            0 => "no violations".to_owned(),
            count => {
                format!("{}, all there before", counted(count, "violation", "violations"))
            }
        };
        let with_keys = tables_with_keys(&self.now).count();
        let detail = match (spared.len(), with_keys - spared.len()) {
            (0, _) => looked_at,
            (_, 0) => "the same keys between the same rows as in the backup".to_owned(),
            (spared, others) => {
                let others = counted(others, "table", "tables");
                format!(
                    "{looked_at} in {others}; the keys of {} are those of the backup",
                    counted(spared, "other", "others")
                )
            }
        };
        self.record("foreign keys", detail, problems);
        Ok(())
    }

    /// Describes rows that have no parent now. In a table that a data step recreated, or whose keys it changed, they are
    /// told apart by their values.
    fn new_orphans(
        &self,
        new: &[Violation],
        (known, after): (&Violations, &Violations),
    ) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        let mut by_values = BTreeMap::new();
        let allowed = self.subject.plan.allows_broken();
        let mut by_row = Vec::new();
        let has_no_parent = |it: &&Violation| {
            !matches!(it.found, Violator::Row(_)) && self.now.find_table(&it.parent).is_none()
        };
        for violation in new.iter().filter(|it| !(allowed && has_no_parent(it))) {
            let table = fold(&violation.table);
            if !by_values.contains_key(&table) {
                by_values.insert(table.clone(), self.orphans_by_value(&table, (known, after))?);
            }
            if let Some(None) = by_values.get(&table) {
                by_row.push(violation);
            }
        }
        lines.extend(summed_up(&by_row).iter().map(|line| format!("foreign key: {line}")));
        for (table, found) in &by_values {
            let found = found.iter().flatten();
            lines.extend(found.map(|line| format!("foreign key: {table}: {line}")));
        }
        lines.truncate(20);
        let mut tables: Vec<&Violation> = new.iter().collect();
        tables.dedup_by(|one, two| (&one.table, &one.parent) == (&two.table, &two.parent));
        if !lines.is_empty() {
            let plan = self.subject.plan;
            lines.extend(
                tables
                    .iter()
                    .filter_map(|it| action_not_run(plan, &self.now, &it.table, &it.parent)),
            );
        }
        Ok(lines)
    }

    /// `None` if rowids tell the rows of a table apart, or if SQLite finds others than a comparison by values.
    fn orphans_by_value(
        &self,
        table: &str,
        (known, after): (&Violations, &Violations),
    ) -> Result<Option<Vec<String>>> {
        let origin = self.provenance.tables.get(table).filter(|it| it.remade || it.rewritten);
        let Some(origin) = origin else { return Ok(None) };
        let before = self.subject.before;
        let shapes = before.shape(&origin.from).zip(self.now.shape(table));
        let Some((old, new)) = shapes else { return Ok(None) };
        let were = Orphans::of(self.subject.backup.connection(), before, old)?;
        let are = Orphans::of(self.connection(), &self.now, new)?;
        let (Some(were), Some(are)) = (were, are) else { return Ok(None) };
        let complete =
            were.count() == known.count_in(&origin.from) && are.count() == after.count_in(table);
        Ok(complete.then(|| are.more_than(&were, &|name| self.name_before(name))))
    }

    /// The tables, folded, whose keys were proven to join the rows that they join in the backup.
    fn keys_as_before(&self) -> BTreeSet<String> {
        let proven = |table: &str, columns: &[String]| match self.seen.get(&fold(table)) {
            Some(Seen::Records) => true,
            Some(Seen::Values(pairs, _)) => {
                columns.iter().all(|column| pairs.iter().any(|(_, to)| same(to, column)))
            }
            None => false,
        };
        let (before, provenance) = (self.subject.before, &self.provenance);
        KeysKnown { before, now: &self.now, provenance, proven: &proven }.as_before()
    }

    fn integrity(&mut self) -> Result<()> {
        let mut problems = Vec::new();
        let mut checked = 0;
        let rebuilt = self.rebuilt();
        let subject = self.subject;
        let interrupt = &subject.database.options().interrupt;
        let known = (self.records.as_mut(), &self.seen);
        let mut soundness = Soundness::new(
            (subject.backup.connection(), subject.before),
            (subject.database.connection(), &self.now),
            known,
            subject.identity.auto_vacuum != 0,
        )?;
        for table in &rebuilt {
            let from = self.provenance.tables.get(&fold(table)).map(|it| it.from.as_str());
            let total = index_entries(subject.database.connection(), &self.now, table);
            let mut progress = |done: u64| {
                let (stage, subject, done) = (Stage::Check, table.clone(), done.min(total));
                self.observer.event(&Event::Progress { stage, subject, done, total });
                interrupt.check()
            };
            let findings = soundness.findings((from, table), &mut progress)?;
            progress(total)?;
            checked += 1;
            problems.extend(findings.into_iter().take(5).map(|it| format!("integrity: {it}")));
        }
        drop(soundness);
        for index in self.now.virtual_tables() {
            let table = &index.name;
            if !self.provenance.tables.contains_key(&fold(table)) {
                problems.extend(self.new_index_finding(&index)?);
                continue;
            }
            let before = self.subject.baseline.indexes.get(&self.name_before(&fold(table)));
            if let (Some(finding), Some(None) | None) =
                (index_finding(self.connection(), &index)?, before)
            {
                problems.push(format!("the index of {table} does not fit its content: {finding}"));
            }
        }
        let detail = match checked {
            0 => "no table was rebuilt".to_owned(),
            _ => {
                let tables = counted(checked, "rebuilt table", "rebuilt tables");
                format!("{tables}, indexes included")
            }
        };
        self.record("integrity", detail, problems);
        Ok(())
    }

    /// A new index must fit its content, unless a statement of a phase filled it: with some of the rows, perhaps.
    fn new_index_finding(&self, table: &VirtualTable) -> Result<Option<String>> {
        let filled_by_hand = self.subject.plan.stages().any(|it| it.writes_directly(&table.name));
        // FTS4 cannot check an index without content.
        if table.content == Content::Contentless && table.module == Module::Fts34 {
            return Ok(None);
        }
        let Some(finding) = index_finding(self.connection(), table)? else { return Ok(None) };
        let name = &table.name;
        if !filled_by_hand {
            return Ok(Some(format!("the index of {name} does not fit its content: {finding}")));
        }
        let docs = format!("{name}_docsize");
        let empty = self.now.shape(&docs).is_some() && count_rows(self.connection(), &docs)? == 0;
        Ok(empty.then(|| {
            format!("the new full-text table {name} is empty; fill it with INSERT INTO {name}({name}) VALUES('rebuild')")
        }))
    }

    /// The tables that were rebuilt, by their names now. A later phase that renames one rebuilds it, too, and may give
    /// its name to a virtual table; a statement of a phase may rename it.
    fn rebuilt(&self) -> BTreeSet<String> {
        let plan = self.subject.plan;
        let effects = plan.stages().flat_map(|stage| match stage {
            PlanStage::Data(data) => data.effects.as_slice(),
            PlanStage::SchemaChange(_) => &[],
        });
        let renamed = effects.filter_map(|effect| match effect {
            TableEffect::Rename { to, .. } => Some(to),
            _ => None,
        });
        plan.rebuilds()
            .map(|it| &it.to)
            .chain(renamed)
            .filter_map(|name| self.now.find(ObjectKind::Table, name))
            .map(|table| table.name.clone())
            .collect()
    }

    fn carried(&mut self) -> Result<()> {
        let (backup, now) = (self.subject.backup.connection(), self.connection());
        let statistics =
            statistics_follow((backup, self.subject.before), (now, &self.now), self.subject.plan)?;
        let sequences = sequences_follow(
            (backup, self.subject.before),
            (now, &self.now),
            (&self.provenance, self.subject.plan, self.subject.versions),
        )?;
        let detail = match &statistics {
            None => "changed by a data step, not compared".to_owned(),
            Some(found) => {
                let mut detail = match found.kept {
                    0 => "no planner statistics to keep".to_owned(),
                    kept => {
                        format!("{} of planner statistics as before", count(kept, "row", "rows"))
                    }
                };
                if !found.others.is_empty() {
                    detail += &format!("; collected again: {}", found.others.join(", "));
                }
                detail
            }
        };
        self.record("statistics", detail, statistics.unwrap_or_default().problems);
        let mut detail = match sequences.kept {
            0 => "no AUTOINCREMENT counter to keep".to_owned(),
            1 => "1 AUTOINCREMENT counter is kept".to_owned(),
            kept => format!("{kept} AUTOINCREMENT counters are kept"),
        };
        if !sequences.others.is_empty() {
            detail += &format!("; gone with AUTOINCREMENT: {}", sequences.others.join(", "));
        }
        if !sequences.changed.is_empty() {
            detail += &format!("; changed by data steps: {}", sequences.changed.join(", "));
        }
        self.record("sequences", detail, sequences.problems);
        Ok(())
    }

    fn versions(&mut self) -> Result<()> {
        let recorded = self.subject.versions.read(self.connection(), &self.now)?;
        let problems = self.subject.records.differences(&recorded);
        let detail = match recorded.version() {
            Some(version) => format!("schema version is {version}"),
            None => "no version is recorded".to_owned(),
        };
        self.record("version", detail, problems);
        Ok(())
    }

    fn identity(&mut self) -> Result<()> {
        let now = Identity::read(self.connection())?;
        let problems = self.subject.identity.differences(&now);
        let detail = format!(
            "page size {}, {}, journal mode {}",
            now.page_size, now.encoding, now.journal_mode
        );
        self.record("file properties", detail, problems);
        Ok(())
    }

    fn phase_checks(&mut self) -> Result<()> {
        // Checks of a phase describe the state after that phase; only the last one's state is here.
        let Some(last) = self.subject.plan.phases.last() else { return Ok(()) };
        for check in &last.verify {
            let finding = evaluate(self.subject.database, check)?;
            let problems = if finding.holds {
                Vec::new()
            } else {
                let message = check.message.clone().unwrap_or_default();
                vec![
                    format!("{}: found {} {message}", check.name, finding.found)
                        .trim_end()
                        .to_owned(),
                ]
            };
            let detail = format!("{}, as {} expects", finding.returned(), last.id);
            self.record(&check.name, detail, problems);
        }
        Ok(())
    }
}

/// Writes a number with its noun.
fn count(number: usize, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
    }
}
