//! A program of somebody else that has a database open.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::judge::python3;

const PROGRAM: &str = "
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)
for line in sys.stdin:
    try:
        print(connection.execute(line).fetchall(), flush=True)
    except Exception as error:
        print('error:', error, flush=True)
";

/// A program of somebody else that has the database open and does what it is told.
pub struct Other {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Other {
    /// Starts it; it opens the database and does nothing yet.
    pub fn start(path: &Path) -> Self {
        let mut command = python3();
        command.args(["-c", PROGRAM]).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    /// Returns its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lets it run one statement, and returns the rows or the error as Python writes them.
    pub fn say(&mut self, sql: &str) -> String {
        writeln!(self.input, "{sql}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }

    /// Lets it run statements, none of which may fail.
    pub fn say_all(&mut self, statements: &[&str]) {
        for sql in statements {
            let answer = self.say(sql);
            assert!(!answer.starts_with("error"), "{sql}: {answer}");
        }
    }

    /// Ends it as a power cut would: nothing is tidied up.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
