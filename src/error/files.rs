//! Errors of the file system.

use std::path::Path;

use super::{Error, ErrorKind};

/// Turns a file error into an [`Error`] that names what was tried and the path.
pub fn file_error(action: &str, path: &Path, error: std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            ErrorKind::ReadOnly
        }
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("cannot {action} {}", path.display())).caused_by(error)
}
