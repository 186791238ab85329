//! Every check line that the program prints has an input that makes it fail.
