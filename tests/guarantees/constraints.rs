//! Constraints that a rebuild leaves out and columns that become generated are named.
