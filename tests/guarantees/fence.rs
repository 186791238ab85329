//! SQL of phases and files stays inside one statement, one database and the objects it may touch.
