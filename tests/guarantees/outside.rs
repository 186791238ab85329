//! Settings, terminals, pipes, permissions and names that come from outside.
