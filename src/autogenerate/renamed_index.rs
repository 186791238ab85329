//! Which index has another name and nothing else that is new.

use std::collections::BTreeMap;

use super::pairing::Pairing;
use crate::name::{fold, same};
use crate::schema::Object;
use crate::sql::{TokenKind, object_head, significant_tokens, unquote};

/// Finds the new index with the definition of a dropped one, apart from its name and from renamed tables and columns.
pub(super) fn twin<'w>(
    gone: &Object,
    new: impl Iterator<Item = &'w Object>,
    pairing: &Pairing,
) -> Option<&'w Object> {
    let pair = pairing.present(&gone.table)?;
    let renamed: BTreeMap<String, String> = pair
        .columns
        .renamed
        .iter()
        .map(|(from, to)| (fold(from), fold(to)))
        .chain([(fold(&pair.have), fold(&pair.want))])
        .collect();
    let old = form(gone, &renamed)?;
    let mut found = new.filter(|it| {
        same(&it.table, &pair.want) && form(it, &BTreeMap::new()).as_ref() == Some(&old)
    });
    found.next()
}

/// The tokens of an index, without its name.
fn form(index: &Object, renamed: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let text = index.sql.as_deref()?;
    let name = object_head(text).ok()?.name.range;
    let tokens = significant_tokens(text).filter(|it| it.range() != name);
    let folded = tokens.map(|it| match it.kind {
        TokenKind::Word | TokenKind::QuotedName => {
            let word = fold(&unquote(it.text(text)));
            renamed.get(&word).cloned().unwrap_or(word)
        }
        _ => it.text(text).to_owned(),
    });
    Some(folded.collect())
}
