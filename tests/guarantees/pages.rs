//! The page of a plan or a run, and plans as Markdown and Mermaid: nothing from outside becomes markup, nothing is
//! fetched from anywhere, and what the page says of a run is what happened. Judged by Python's HTML parser.

use support::sample::SampleOptions;

use support::{Project, sqlite3};

/// Parses a page: every element is closed in its order, only known elements and attributes appear, nothing refers to
/// another document. Prints the text that a reader sees, attributes that are read out included.
const READ: &str = r#"
import html.parser, json, sys
VOID = {'meta'}
KNOWN = set('html head meta title style body main h1 h2 h3 p div dl dt dd ul ol li details summary table thead tbody tr th '
            'td figure figcaption strong b span meter pre footer svg g rect text path circle'.split())
ATTRIBUTES = set('lang charset http-equiv content name class role aria-label viewbox style x y width height rx d cx cy r '
                 'text-anchor tabindex scope value'.split())
class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.seen, self.texts = [], {}, []
    def handle_starttag(self, tag, attributes):
        assert tag in KNOWN, tag
        for name, value in attributes:
            assert name in ATTRIBUTES, (tag, name)
            if name == 'aria-label': self.texts.append(value)
        self.seen[tag] = self.seen.get(tag, 0) + 1
        if tag not in VOID: self.open.append(tag)
    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.open)
    def handle_data(self, data):
        if self.open[-1:] == ['style']:
            assert 'url(' not in data and '@import' not in data
        else: self.texts.append(data)
    def handle_comment(self, data): raise AssertionError(data)
    def unknown_decl(self, data): raise AssertionError(data)
page = Page()
text = open(sys.argv[1], encoding='utf-8').read()
page.feed(text); page.close()
assert not page.open, page.open
assert "default-src 'none'" in text.replace('&#39;', "'")
print(json.dumps({'seen': page.seen, 'text': ' '.join(page.texts)}))
"#;

fn read(project: &Project, file: &str) -> serde_json::Value {
    let path = project.path(file);
    let output = support::python3().args(["-c", READ, path.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

const TABLE: &str = "x\"'><script>alert(1)</script>";
const COLUMN: &str = "</text></svg><img src=x onerror=alert(2)>";

/// A file and a phase in which every name and text would be markup.
fn hostile() -> Project {
    let project = Project::empty();
    let (table, column) = (TABLE.replace('"', "\"\""), COLUMN);
    sqlite3(
        &project.database(),
        &format!(
            "CREATE TABLE \"{table}\"(id INTEGER PRIMARY KEY, \"{column}\" \"TEXT&lt;b>\" /* --><h1>x */);
             CREATE TABLE child(a REFERENCES \"{table}\"(id), b);
             INSERT INTO \"{table}\" VALUES (1, '<b>');"
        ),
    );
    project.write("phaseshift.toml", "database = 'fits_catalog.db'\n");
    let literal = table.replace("\"\"", "\\\"");
    project.write_phase(
        "phase1.toml",
        &format!(
            "description = \"<h1>[link](http://x) | @all #1 `code` </details>\"\nparents = []\n\
             [[require]]\nname = \"<i>\"\nsql = \"SELECT 1 -- <u>\"\nexpect = 1\n\
             [[up]]\nop = \"rename_table\"\nfrom = \"{literal}\"\nto = \"y\\\"]\\n--><style>\"\n\
             [[up]]\nop = \"drop_column\"\ntable = \"child\"\ncolumn = \"b\"\n\
             [[up]]\nop = \"sql\"\nsql = \"INSERT INTO child(a) SELECT 1 /* </pre><script> */\"\n"
        ),
    );
    project
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let project = hostile();
    project.run_here(&["report", "-o", "plan.html"]).expect_code(0);
    let done = ["upgrade", "--accept-loss", "--report", "run.html", "--json"];
    let done = project.run_here(&done).expect_code(0).json();
    for file in ["plan.html", "run.html"] {
        let page = read(&project, file);
        let text = page["text"].as_str().unwrap();
        assert_eq!(page["seen"]["style"], 1);
        assert_eq!(page["seen"]["svg"], 2);
        for wanted in [TABLE, "y\"]\\n--><style>", "<h1>[link](http://x)", "</pre><script>"] {
            assert!(text.contains(wanted), "{file} lacks {wanted}: {text}");
        }
    }
    let run = read(&project, "run.html");
    let text = run["text"].as_str().unwrap();
    assert!(text.contains(done["backup"].as_str().unwrap()));
    assert!(text.contains("Done: committed"), "{text}");
    assert_eq!(done["report"], project.path("run.html").to_str().unwrap());
}

#[test]
fn nothing_from_outside_is_obeyed_in_markdown_or_a_diagram() {
    let project = hostile();
    let markdown = project.run_here(&["plan", "--format", "markdown"]).expect_code(0).stdout;
    let prose: Vec<&str> = markdown.split("```").step_by(2).collect();
    let prose = prose.concat();
    for forbidden in ["<script", "<h1>", "[link]", "@all", "#1", " | "] {
        assert!(!prose.contains(forbidden), "{forbidden}: {prose}");
    }
    assert_eq!(prose.matches("</details>").count(), 1, "{prose}");
    let diagram = project.run_here(&["plan", "--format", "mermaid"]).expect_code(0).stdout;
    assert!(markdown.contains(&diagram));
    for line in diagram.lines().filter(|line| line.contains("[\"")) {
        // Between the quotes that Mermaid reads, nothing can end the label or be an element but <br/>.
        let label = line.split_once("[\"").unwrap().1.rsplit_once("\"]").unwrap().0;
        let label = label.replace("<br/>", "");
        assert!(!label.contains(['"', '<', '>', '`']), "{line}");
    }
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_the_run() {
    let small = SampleOptions { sessions: 3, files: 9, links: 2, ..SampleOptions::default() };
    let project = Project::with_catalogue(&small);
    let before = project.snapshot();
    let database = project.database();
    let places =
        [database.to_str().unwrap(), "nowhere/report.html", "phases", "phases/phase3.toml"];
    let phase = std::fs::read(project.path("phases/phase3.toml")).unwrap();
    for place in places {
        let refused = project.run(&["upgrade", "--report", place, "--json"]).expect_code(2);
        assert_eq!(refused.json()["error"]["database_state"], "unchanged", "{place}");
    }
    // A page took the place of a phase file.
    assert_eq!(std::fs::read(project.path("phases/phase3.toml")).unwrap(), phase);
    #[cfg(target_os = "linux")]
    {
        let refused =
            project.run(&["upgrade", "--report", "/proc/r.html", "--json"]).expect_code(2);
        assert_eq!(refused.json()["error"]["database_state"], "unchanged");
    }
    project.run(&["upgrade", "--report", "r.html", "--all", "."]).expect_code(2);
    assert_eq!(project.backups(), Vec::<std::path::PathBuf>::new());
    assert_eq!(project.snapshot(), before);
}

#[test]
fn the_page_of_a_run_tells_what_the_document_tells() {
    let small = SampleOptions { sessions: 12, files: 60, links: 20, ..SampleOptions::default() };
    let project = Project::with_catalogue(&small);
    project.run(&["upgrade", "phase3", "--dry-run", "--report", "dry.html"]).expect_code(0);
    let dry = read(&project, "dry.html");
    assert!(dry["text"].as_str().unwrap().contains("Plan: nothing was changed"));
    let done = project.run(&["upgrade", "phase3", "--report", "run.html", "--json"]);
    let done = done.expect_code(0).json();
    let page = read(&project, "run.html");
    let text = page["text"].as_str().unwrap();
    for check in done["proof"]["checks"].as_array().unwrap() {
        let (name, detail) = (check["name"].as_str().unwrap(), check["detail"].as_str().unwrap());
        assert!(text.contains(name) && text.contains(detail), "{name}: {detail}");
    }
    for wanted in ["becomes imaging_sessions", "was sessions", "sessions.session_id", "1 to 2"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}

#[test]
fn a_range_is_drawn_without_a_database() {
    let small = SampleOptions { sessions: 3, files: 9, links: 2, ..SampleOptions::default() };
    let project = Project::with_catalogue(&small);
    std::fs::remove_file(project.database()).unwrap();
    project.run(&["report", "phase2:phase3", "-o", "range.html"]).expect_code(0);
    assert!(read(&project, "range.html")["text"].as_str().unwrap().contains("was sessions"));
    let said = project.run(&["plan", "phase2:phase3", "--format", "markdown"]).expect_code(0);
    assert!(said.stdout.contains("Rename table sessions to imaging\\_sessions"), "{}", said.stdout);
    let down = project.run(&["plan", "phase3:phase2", "--format", "mermaid", "--json"]);
    let down = down.expect_code(0).json();
    assert_eq!(down["direction"], "down");
    assert!(down["mermaid"].as_str().unwrap().contains("was imaging_sessions"), "{down}");
}

#[test]
fn the_page_of_a_finished_run_shows_what_is_recorded_and_nothing_else() {
    let small = SampleOptions { sessions: 12, files: 60, links: 20, ..SampleOptions::default() };
    let project = Project::with_catalogue(&small);
    project.run(&["report", "--done"]).expect_code(4);
    let done = project.run(&["upgrade", "phase3", "--json"]).expect_code(0).json();
    let rows = done["proof"]["rows"].as_u64().unwrap();
    assert_eq!(
        sqlite3(
            &project.database(),
            "SELECT rows_proven FROM phase_history WHERE id = 'phase3' AND direction = 'up'"
        ),
        rows.to_string()
    );
    let before = project.snapshot();
    let said = project.run(&["report", "--done", "-o", "run.html", "--json"]).expect_code(0).json();
    assert_eq!(said["run"]["phases"][0]["rows_proven"], rows);
    assert_eq!(said["run"]["backup"], done["backup"]);
    let page = read(&project, "run.html");
    let text = page["text"].as_str().unwrap();
    let manifest = project.backups()[0].with_extension("db.json");
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    for table in manifest["tables"].as_array().unwrap() {
        assert!(text.contains(table["table"].as_str().unwrap()), "{table}: {text}");
    }
    for wanted in [
        "Applied phase3",
        "Rename table sessions to imaging_sessions",
        "Table imaging_sessions: new",
        done["backup"].as_str().unwrap(),
        "op = \"rename_table\"",
        "The database keeps neither what each check found",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(!text.contains("Since this run"), "{text}");
    std::fs::remove_file(project.path("run.html")).unwrap();
    assert_eq!(project.snapshot(), before);

    // A later run is the last one; the earlier is found by its phase, even when its backup is gone.
    project.run(&["downgrade"]).expect_code(0);
    project.run(&["report", "--done", "-o", "undone.html"]).expect_code(0);
    let undone = read(&project, "undone.html");
    let undone = undone["text"].as_str().unwrap();
    assert!(undone.contains("Undone phase3"), "{undone}");
    assert!(undone.contains("Rename table imaging_sessions to sessions"), "{undone}");
    project.run(&["upgrade", "phase3"]).expect_code(0);
    let first = done["backup"].as_str().unwrap();
    for path in [first.to_owned(), format!("{first}.json")] {
        std::fs::remove_file(path).unwrap();
    }
    project.run(&["downgrade"]).expect_code(0);
    project.run(&["report", "--done", "phase2"]).expect_code(4);
    let last = project.run(&["report", "--done", "phase3", "--json"]).expect_code(0).json();
    assert_eq!(last["run"]["phases"][0]["direction"], "down");
}

#[test]
fn the_record_of_a_run_is_text_and_not_markup() {
    let project = hostile();
    project.run_here(&["upgrade", "--accept-loss"]).expect_code(0);
    sqlite3(
        &project.database(),
        "UPDATE phase_history SET backup = '/x/<script>b</script>', tool_version = '<i>9</i>',
                finished_at = '<u>now</u>'",
    );
    project.run_here(&["report", "--done", "-o", "run.html"]).expect_code(0);
    let page = read(&project, "run.html");
    let text = page["text"].as_str().unwrap();
    for wanted in [TABLE, "<script>b</script>", "<i>9</i>", "<u>now</u>", "</pre><script>"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}

/// The folder of the report fails at the last moment, as a full or a read-only disk does.
#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn a_report_that_fails_after_the_commit_is_no_failed_migration() {
    use support::trace::{Fault, is_possible, run};
    if !is_possible() {
        return;
    }
    let small = SampleOptions { sessions: 3, files: 9, links: 2, ..SampleOptions::default() };
    let upgrade = |project: &Project, json: bool| {
        let mut command = project.command();
        command.args(["-d", "fits_catalog.db", "upgrade", "phase3", "--report", "run.html"]);
        command.args(json.then_some("--json"));
        command
    };
    let project = Project::with_catalogue(&small);
    let whole = run(upgrade(&project, false), Fault::None).unwrap();
    assert!(whole.output.status.success());
    let renames = |call: &&libc::c_long| [libc::SYS_rename, libc::SYS_renameat].contains(*call);
    let call = *whole.calls.iter().rfind(renames).unwrap();
    let number = whole.calls.iter().filter(|it| **it == call).count();
    for (error, why) in [
        (libc::ENOSPC, "No space left on device"),
        (libc::EROFS, "Read-only file system"),
        (libc::ENOENT, "No such file or directory"),
    ] {
        for json in [false, true] {
            let project = Project::with_catalogue(&small);
            let fault = Fault::Fail { call, number, error, for_ever: false };
            let done = run(upgrade(&project, json), fault).unwrap();
            let said = String::from_utf8(done.output.stderr).unwrap();
            assert!(done.happened);
            assert_eq!(done.output.status.code(), Some(1), "{said}");
            let version = sqlite3(&project.database(), "SELECT max(version) FROM schema_version");
            assert_eq!(version, "2");
            let retry = "report --done -o run.html --database fits_catalog.db";
            if json {
                let document: serde_json::Value =
                    serde_json::from_slice(&done.output.stdout).unwrap();
                assert_eq!(document["error"]["database_state"], "done");
                assert_eq!(document["to"], 2);
                assert_eq!(document["error"]["next"][0], format!("phaseshift {retry}"));
            } else {
                assert!(said.contains("state: the migration is committed"), "{said}");
                assert!(said.contains(why) && said.contains(retry), "{said}");
                let shown = String::from_utf8_lossy(&done.output.stdout).into_owned();
                assert!(shown.contains("Version 1 to 2"), "{shown}");
            }
            let left = std::fs::read_dir(project.folder()).unwrap();
            let left: Vec<_> = left.map(|it| it.unwrap().file_name()).collect();
            assert!(!left.iter().any(|it| it.to_string_lossy().contains("html")), "{left:?}");
            let retry: Vec<&str> = retry.split(' ').collect();
            project.run_here(&retry).expect_code(0);
            assert!(project.path("run.html").exists());
        }
    }
}
