//! Computed values read the old row and the tables as they are at their step.
