//! Nothing is written between the proof and the commit.
