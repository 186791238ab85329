//! Schema changes written as plain SQL in data steps.
