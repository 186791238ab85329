//! Views, triggers and foreign keys refer to the same tables and columns before and after.
