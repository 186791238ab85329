//! A schema that knows its own text: every mention of a table or column is an id, written with the
//! name that the thing has at that moment. What a rename must do to any text follows by itself.

use super::names::{Style, literal};

/// Names a table, column, index or constraint through all renames.
pub type Id = usize;

/// A part of a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    Text(String),
    Column(Id, Style),
    Table(Id, Style),
    /// A column's name as a string.
    ColumnWord(Id),
    /// A table's name as a string.
    TableWord(Id),
}

/// A text with holes for names.
pub type Template = Vec<Piece>;

/// Text without a name in it.
pub fn text(text: impl Into<String>) -> Template {
    vec![Piece::Text(text.into())]
}

/// What a clause of a column or a constraint of a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    PrimaryKey,
    NotNull,
    Unique,
    Check,
    Default,
    Collate,
    References,
    Generated,
}

/// A clause of a column, or a constraint of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    pub id: Id,
    pub rule: Rule,
    pub name: Option<String>,
    pub template: Template,
}

/// Where the values of a column come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// From the column with this id in the file before.
    Kept,
    /// From the default of a new column.
    Default,
    /// From an expression over the row before, in the names before.
    Value(String),
    /// Nobody can tell.
    Unknown,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub id: Id,
    pub name: String,
    pub born: String,
    pub style: Style,
    pub type_name: String,
    pub clauses: Vec<Clause>,
    pub lead: String,
    pub trail: String,
    pub source: Source,
    /// The types under which earlier rebuilds stored the values that are not kept.
    pub through: Vec<String>,
}

/// A virtual table's module, with what stands in its brackets.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    pub name: String,
    pub arguments: Template,
    /// The table that a full-text table reads its content from.
    pub content: Option<Id>,
}

/// A table of any kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub id: Id,
    pub name: String,
    pub born: String,
    pub style: Style,
    pub columns: Vec<Column>,
    pub constraints: Vec<Clause>,
    pub module: Option<Module>,
    pub without_rowid: bool,
    pub strict: bool,
    /// Text before the last bracket and after it.
    pub ends: (String, String),
    /// Whether steps other than renames touched its text: comments may go then.
    pub edited: bool,
    /// Whether clauses may stand in another order than written here.
    pub reordered: bool,
    /// Whether a data step changes its rows.
    pub dirty: bool,
}

/// An index.
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    pub id: Id,
    pub name: String,
    pub style: Style,
    pub table: Id,
    pub unique: bool,
    pub keys: Template,
}

/// A view.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    pub name: String,
    pub body: Template,
    /// What it hands out, under the names that never change.
    pub outputs: Vec<String>,
    /// The tables whose columns it lists by `*`, directly or through another view.
    pub stars: Vec<Id>,
    /// The tables it reads from, directly or through another view.
    pub reads: Vec<Id>,
    /// The view it reads from.
    pub below: Option<String>,
}

/// What a trigger hangs on.
#[derive(Debug, Clone, PartialEq)]
pub enum Owner {
    Table(Id),
    View(String),
}

/// A trigger.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    pub name: String,
    pub owner: Owner,
    pub body: Template,
}

/// A whole schema.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schema {
    pub tables: Vec<Table>,
    pub indexes: Vec<Index>,
    pub views: Vec<View>,
    pub triggers: Vec<Trigger>,
    pub next_id: Id,
}

impl Column {
    /// Tells whether it has a clause of this kind.
    pub fn has(&self, rule: Rule) -> bool {
        self.clauses.iter().any(|clause| clause.rule == rule)
    }
}

impl Table {
    /// Tells whether it is of a module that only the file's program has.
    pub fn is_foreign(&self) -> bool {
        self.module.as_ref().is_some_and(|it| it.name.starts_with("app_"))
    }

    /// Tells whether it is a full-text table with a tokenizer that only the file's program has.
    pub fn has_foreign_words(&self) -> bool {
        let arguments = self.module.iter().flat_map(|it| &it.arguments);
        arguments
            .into_iter()
            .any(|it| matches!(it, Piece::Text(text) if text.contains("app_words")))
    }
}

impl View {
    /// Tells whether two views are one, apart from renames.
    pub fn born_alike(&self, other: &Self) -> bool {
        self.body == other.body && self.below == other.below
    }
}

impl Schema {
    /// A new id.
    pub fn id(&mut self) -> Id {
        self.next_id += 1;
        self.next_id
    }

    pub fn table(&self, id: Id) -> Option<&Table> {
        self.tables.iter().find(|it| it.id == id)
    }

    pub fn table_mut(&mut self, id: Id) -> Option<&mut Table> {
        self.tables.iter_mut().find(|it| it.id == id)
    }

    pub fn column(&self, id: Id) -> Option<&Column> {
        self.tables.iter().flat_map(|it| &it.columns).find(|it| it.id == id)
    }

    pub fn column_mut(&mut self, id: Id) -> Option<&mut Column> {
        self.tables.iter_mut().flat_map(|it| &mut it.columns).find(|it| it.id == id)
    }

    pub fn table_of(&self, column: Id) -> Option<&Table> {
        self.tables.iter().find(|it| it.columns.iter().any(|other| other.id == column))
    }

    /// Writes a name that goes into every text that mentions it, which is all that is left of it.
    pub fn bury(&mut self, gone: &Piece) {
        let names = self.clone();
        let replace = |template: &mut Template| {
            for piece in template.iter_mut() {
                let same = match (&*piece, gone) {
                    (Piece::Column(one, _) | Piece::ColumnWord(one), Piece::Column(two, _))
                    | (Piece::Table(one, _) | Piece::TableWord(one), Piece::Table(two, _)) => {
                        one == two
                    }
                    _ => false,
                };
                if same && let Some(text) = names.write(std::slice::from_ref(piece)) {
                    *piece = Piece::Text(text);
                }
            }
        };
        for table in &mut self.tables {
            let clauses = table.columns.iter_mut().flat_map(|it| &mut it.clauses);
            clauses.chain(&mut table.constraints).for_each(|it| replace(&mut it.template));
            table.module.iter_mut().for_each(|it| replace(&mut it.arguments));
        }
        self.indexes.iter_mut().for_each(|it| replace(&mut it.keys));
        self.views.iter_mut().for_each(|it| replace(&mut it.body));
        self.triggers.iter_mut().for_each(|it| replace(&mut it.body));
    }

    /// Every template of the schema.
    fn templates(&self) -> impl Iterator<Item = &Template> {
        let columns = self.tables.iter().flat_map(|it| &it.columns).flat_map(|it| &it.clauses);
        let constraints = self.tables.iter().flat_map(|it| &it.constraints);
        let modules = self.tables.iter().filter_map(|it| it.module.as_ref());
        columns
            .chain(constraints)
            .map(|it| &it.template)
            .chain(modules.map(|it| &it.arguments))
            .chain(self.indexes.iter().map(|it| &it.keys))
            .chain(self.views.iter().map(|it| &it.body))
            .chain(self.triggers.iter().map(|it| &it.body))
    }

    /// Tells whether any text names a column.
    pub fn uses_column(&self, id: Id) -> bool {
        self.templates().flatten().any(|piece| {
            matches!(piece, Piece::Column(other, _) | Piece::ColumnWord(other) if *other == id)
        })
    }

    /// Tells whether any text but that of the table itself names a table.
    pub fn uses_table(&self, id: Id) -> bool {
        let own = |owner: &Owner| *owner == Owner::Table(id);
        let mut others = self.clone();
        others.tables.retain(|it| it.id != id);
        others.indexes.retain(|it| it.table != id);
        others.triggers.retain(|it| !own(&it.owner));
        others.templates().flatten().any(|piece| {
            matches!(piece, Piece::Table(other, _) | Piece::TableWord(other) if *other == id)
        })
    }

    /// Writes a template with the names of now; `None` if a thing in it is gone.
    pub fn write(&self, template: &[Piece]) -> Option<String> {
        let mut written = String::new();
        for piece in template {
            match piece {
                Piece::Text(text) => written.push_str(text),
                Piece::Column(id, style) => {
                    let column = self.column(*id)?;
                    written.push_str(&spell(&column.name, &column.born, *style));
                }
                Piece::Table(id, style) => {
                    let table = self.table(*id)?;
                    written.push_str(&spell(&table.name, &table.born, *style));
                }
                Piece::ColumnWord(id) => written.push_str(&self.column(*id)?.name),
                Piece::TableWord(id) => written.push_str(&literal(&self.table(*id)?.name)),
            }
        }
        Some(written)
    }

    /// Writes the definition of a column.
    pub fn write_column(&self, column: &Column) -> Option<String> {
        let mut written = column.style.write(&column.name);
        if !column.type_name.is_empty() {
            written.push(' ');
            written.push_str(&column.type_name);
        }
        for clause in &column.clauses {
            written.push(' ');
            written.push_str(&self.write(&clause.template)?);
        }
        Some(written)
    }

    /// Writes the statement that creates a table.
    pub fn write_table(&self, table: &Table) -> Option<String> {
        let name = table.style.write(&table.name);
        if let Some(module) = &table.module {
            let arguments = self.write(&module.arguments)?;
            return Some(format!("CREATE VIRTUAL TABLE {name} USING {}({arguments})", module.name));
        }
        let mut parts = Vec::new();
        for column in &table.columns {
            parts.push(format!("{}{}{}", column.lead, self.write_column(column)?, column.trail));
        }
        for constraint in &table.constraints {
            parts.push(format!(" {}", self.write(&constraint.template)?));
        }
        let options = match (table.without_rowid, table.strict) {
            (false, false) => "",
            (true, false) => " WITHOUT ROWID",
            (false, true) => " STRICT",
            (true, true) => " STRICT, WITHOUT ROWID",
        };
        let (before, after) = &table.ends;
        Some(format!("CREATE TABLE {name}({}{before}){after}{options}", parts.join(",")))
    }

    /// Writes the statement that creates an index.
    pub fn write_index(&self, index: &Index) -> Option<String> {
        let unique = if index.unique { "UNIQUE " } else { "" };
        let table = self.table(index.table)?;
        let name = index.style.write(&index.name);
        let on = spell(&table.name, &table.born, index.style);
        Some(format!("CREATE {unique}INDEX {name} ON {on}{}", self.write(&index.keys)?))
    }

    /// Writes the statement that creates a view.
    pub fn write_view(&self, view: &View) -> Option<String> {
        let name = Style::PLAIN.write(&view.name);
        Some(format!("CREATE VIEW {name} AS {}", self.write(&view.body)?))
    }

    /// Writes the statement that creates a trigger.
    pub fn write_trigger(&self, trigger: &Trigger) -> Option<String> {
        let name = Style::PLAIN.write(&trigger.name);
        Some(format!("CREATE TRIGGER {name} {}", self.write(&trigger.body)?))
    }

    /// Every name of the namespace of tables.
    pub fn names(&self) -> Vec<String> {
        let tables = self.tables.iter().map(|it| it.name.clone());
        let indexes = self.indexes.iter().map(|it| it.name.clone());
        let views = self.views.iter().map(|it| it.name.clone());
        let triggers = self.triggers.iter().map(|it| it.name.clone());
        tables.chain(indexes).chain(views).chain(triggers).collect()
    }
}

fn spell(name: &str, born: &str, style: Style) -> String {
    if style.shout && name == born {
        return style.write(&name.to_ascii_uppercase());
    }
    style.write(name)
}
