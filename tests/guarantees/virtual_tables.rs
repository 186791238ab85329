//! Full-text and R*Tree tables under renames, rebuilds, data steps and VACUUM.
