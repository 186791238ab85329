//! Unusual record forms are read and copied as SQLite reads them.
