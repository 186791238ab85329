//! Differences in words, one line each, as errors list them.

use super::difference::{
    ComparedObject, Difference, IndexAspect, Presence, TableOptionName, Verdict, Weight,
};

/// How to say that only one of the schemas has something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wording<'n> {
    Unexpected,
    /// `is made by no applied phase`: the expected schema is what the phases make.
    MadeByNoPhase,
    /// `is only in NAME`: neither schema is the expected one.
    OnlyIn {
        /// The name of the schema that has what is unexpected.
        found: &'n str,
        /// The name of the schema that has what is missing.
        expected: &'n str,
    },
}

impl Wording<'_> {
    fn presence(self, presence: Presence) -> String {
        match (self, presence) {
            (Self::OnlyIn { found, .. }, Presence::Unexpected) => format!("is only in {found}"),
            (Self::OnlyIn { expected, .. }, Presence::Missing) => format!("is only in {expected}"),
            (Self::Unexpected | Self::MadeByNoPhase, Presence::Missing) => "is missing".to_owned(),
            (Self::Unexpected, Presence::Unexpected) => "is unexpected".to_owned(),
            (Self::MadeByNoPhase, Presence::Unexpected) => "is made by no applied phase".to_owned(),
        }
    }
}

impl TableOptionName {
    const fn words(self) -> &'static str {
        match self {
            Self::WithoutRowid => "WITHOUT ROWID",
            Self::Strict => "STRICT",
            Self::Autoincrement => "AUTOINCREMENT",
        }
    }
}

impl IndexAspect {
    const fn words(self) -> &'static str {
        match self {
            Self::Table => "its table",
            Self::Unique => "UNIQUE",
            Self::Columns => "its columns",
            Self::Collation => "a collation",
            Self::Direction => "a direction",
            Self::Where => "its WHERE",
        }
    }
}

impl ComparedObject {
    /// Describes the object: its kind and name.
    pub fn title(&self) -> String {
        format!("{} {}", self.kind.word(), self.name)
    }

    /// Describes each difference in one line; none if the object is identical.
    pub fn lines(&self, wording: Wording<'_>) -> Vec<String> {
        self.weighed_lines(wording).into_iter().map(|(_, line)| line).collect()
    }

    /// Describes each difference in one line, with its weight; none if the object is identical.
    pub fn weighed_lines(&self, wording: Wording<'_>) -> Vec<(Weight, String)> {
        let title = self.title();
        match &self.verdict {
            Verdict::Identical => Vec::new(),
            Verdict::SameMeaning => {
                vec![(Weight::Small, format!("{title}: same definition, different text"))]
            }
            Verdict::Missing => {
                vec![(self.weight(), format!("{title} {}", wording.presence(Presence::Missing)))]
            }
            Verdict::Unexpected => {
                let what = wording.presence(Presence::Unexpected);
                vec![(self.weight(), format!("{title} {what}"))]
            }
            Verdict::Differs(found) => found
                .iter()
                .map(|difference| (difference.weight(), self.line(difference, wording)))
                .collect(),
        }
    }

    pub fn line(&self, difference: &Difference, wording: Wording<'_>) -> String {
        let (title, name) = (self.title(), &self.name);
        match difference {
            Difference::Column { column, presence } => {
                format!("column {name}.{column} {}", wording.presence(*presence))
            }
            Difference::ColumnOrder => format!("the columns of {name} are in another order"),
            Difference::ColumnDefinition(found) => {
                let (column, is, expected) = (&found.column, &found.found, &found.expected);
                format!("column {name}.{column} is {is} instead of {expected}")
            }
            Difference::Constraint(found) => {
                format!("{title}: {} {}", found.text, wording.presence(found.presence))
            }
            Difference::TableOption { option, presence } => {
                format!("{title}: {} {}", option.words(), wording.presence(*presence))
            }
            Difference::Index(aspect) => format!("{title} differs in {}", aspect.words()),
            Difference::Text => format!("{title} is defined differently"),
        }
    }
}

impl Difference {
    /// Returns the stable text codes, for JSON.
    pub fn codes(&self) -> Vec<&'static str> {
        match self {
            Self::Column { presence: Presence::Missing, .. } => vec!["column_missing"],
            Self::Column { presence: Presence::Unexpected, .. } => vec!["column_unexpected"],
            Self::ColumnOrder => vec!["column_order"],
            Self::ColumnDefinition(found) => found.aspects.iter().map(|it| it.code()).collect(),
            Self::Constraint(found) => vec![found.kind],
            Self::TableOption { option, .. } => vec![option.code()],
            Self::Index(aspect) => vec![aspect.code()],
            Self::Text => vec!["text"],
        }
    }
}
