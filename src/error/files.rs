//! Errors of the file system.

use std::path::Path;

use super::{Error, ErrorKind, Remedy};

/// Turns a file error into an [`Error`] that names what was tried and the path.
pub fn file_error(action: &str, path: &Path, error: std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            ErrorKind::ReadOnly
        }
        _ => ErrorKind::Io,
    };
    let is_missing = error.kind() == std::io::ErrorKind::NotFound;
    let error = Error::new(kind, format!("cannot {action} {}", path.display())).caused_by(error);
    if is_missing { error.with_remedy(Remedy::CheckPath) } else { error }
}
