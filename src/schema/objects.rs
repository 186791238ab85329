//! Stored objects, and a list of them that finds them by their names.

use std::collections::HashMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use crate::name::fold;
use crate::sql::ObjectKind;

/// One row of `sqlite_schema`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub kind: ObjectKind,
    pub name: String,
    /// The table or view it belongs to.
    pub table: String,
    /// The stored text; `None` for an automatic index.
    pub sql: Option<String>,
    /// The root page; 0 for a view, trigger or virtual table.
    pub root: i64,
}

/// The kind and the name.
impl fmt::Display for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind.word(), self.name)
    }
}

/// Objects in their order. Their names are indexed when one is first asked for, so that looking up each of many takes
/// time in proportion to their number.
#[derive(Clone, Default)]
pub struct Objects {
    list: Vec<Object>,
    places: OnceLock<Arc<Places>>,
}

/// The places in the list, by folded name.
#[derive(Debug, Default)]
struct Places {
    named: HashMap<String, Vec<usize>>,
    belonging: HashMap<String, Vec<usize>>,
}

impl Objects {
    /// Returns the objects of a name, in order, without regard to the case of A to Z.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Object> {
        self.at(self.places().named.get(&fold(name)))
    }

    /// Returns the objects of one kind that belong to a table or view, in order.
    pub fn belonging(&self, kind: ObjectKind, table: &str) -> impl Iterator<Item = &Object> {
        let found = self.at(self.places().belonging.get(&fold(table)));
        found.filter(move |object| object.kind == kind)
    }

    fn at<'o>(&'o self, places: Option<&'o Vec<usize>>) -> impl Iterator<Item = &'o Object> {
        places.into_iter().flatten().filter_map(|place| self.list.get(*place))
    }

    fn places(&self) -> &Places {
        self.places.get_or_init(|| {
            let mut places = Places::default();
            for (place, object) in self.list.iter().enumerate() {
                places.named.entry(fold(&object.name)).or_default().push(place);
                places.belonging.entry(fold(&object.table)).or_default().push(place);
            }
            Arc::new(places)
        })
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list.fmt(formatter)
    }
}

impl From<Vec<Object>> for Objects {
    fn from(list: Vec<Object>) -> Self {
        Self { list, places: OnceLock::new() }
    }
}

impl FromIterator<Object> for Objects {
    fn from_iter<T: IntoIterator<Item = Object>>(objects: T) -> Self {
        Vec::from_iter(objects).into()
    }
}

impl Deref for Objects {
    type Target = Vec<Object>;

    fn deref(&self) -> &Self::Target {
        &self.list
    }
}

impl DerefMut for Objects {
    /// What is changed is indexed again.
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.places = OnceLock::new();
        &mut self.list
    }
}

impl<'o> IntoIterator for &'o Objects {
    type Item = &'o Object;
    type IntoIter = std::slice::Iter<'o, Object>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

impl IntoIterator for Objects {
    type Item = Object;
    type IntoIter = std::vec::IntoIter<Object>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: ObjectKind, name: &str, table: &str) -> Object {
        Object { kind, name: name.to_owned(), table: table.to_owned(), sql: None, root: 0 }
    }

    #[test]
    fn names_are_found_after_a_change_too() {
        let mut objects: Objects = vec![object(ObjectKind::Table, "T", "T")].into();
        assert_eq!(objects.named("t").count(), 1);
        let copy = objects.clone();
        objects.push(object(ObjectKind::Trigger, "t", "T"));
        objects.push(object(ObjectKind::Index, "i", "t"));
        assert_eq!(objects.named("T").count(), 2);
        assert_eq!(objects.belonging(ObjectKind::Index, "T").count(), 1);
        objects.retain(|it| it.kind != ObjectKind::Table);
        assert_eq!(objects.named("t").next().map(|it| it.kind), Some(ObjectKind::Trigger));
        assert_eq!(copy.named("i").count(), 0);
    }
}
