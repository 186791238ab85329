//! What a squash is asked to make.

use std::path::PathBuf;

use crate::phase::PhaseId;
use crate::sql::SqliteVersion;

use super::range::SquashRange;

#[derive(Debug, Clone)]
pub struct SquashRequest {
    pub range: SquashRange,
    pub id: PhaseId,
    pub description: String,
    pub folder: PathBuf,
    /// Where new files may be made; they are removed at the end.
    pub place: PathBuf,
    /// The oldest release of SQLite for phases that name none.
    pub min_sqlite: Option<SqliteVersion>,
}
