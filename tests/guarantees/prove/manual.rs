//! `docs/prove.md` is run: its files are written, its commands executed, and what they print compared.

use std::process::Command;

use support::Project;

const MANUAL: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/prove.md"));

/// The fenced blocks that are files (`python migrate.py`) or sessions (`console`): what stands behind the fence, and
/// the text.
fn blocks() -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in MANUAL.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some((info.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// The commands of a session, each with what it prints.
fn steps(session: &str) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    for line in session.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push((command.to_owned(), String::new())),
            (None, Some((_, output))) => {
                output.push_str(line);
                output.push('\n');
            }
            (None, None) => {}
        }
    }
    steps
}

/// Output with what differs from run to run as the manual writes it: the folder, stamps, times.
fn as_written(said: &str, folder: &str) -> String {
    let said = said.replace(folder, "/home/ada");
    let mut text = String::new();
    for line in said.lines() {
        let mut line = line.to_owned();
        for mark in ["_pre_phase3_", "_pre_prove_"] {
            if let Some(place) = line.find(mark) {
                let start = place + mark.len();
                let end = line[start..].find(".db").map_or(line.len(), |it| start + it);
                line.replace_range(start..end, "20241027_013000");
            }
        }
        if let Some(start) = line.find("succeeded after ") {
            line.replace_range(start + "succeeded after ".len().., "0.4 s");
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[test]
fn every_command_of_the_manual_prints_what_it_says() {
    let project = Project::empty();
    let folder = project.folder();
    let mut inside = folder.clone();
    let mut run = 0;
    for (info, text) in blocks() {
        match info.split_once(' ') {
            Some((_, file)) => project.write(file, &text),
            None if info == "console" => {
                for (command, wanted) in steps(&text) {
                    if let Some(place) = command.strip_prefix("cd ") {
                        inside = inside.join(place);
                        continue;
                    }
                    let program = std::path::Path::new(env!("CARGO_BIN_EXE_phaseshift"));
                    let path = std::env::var("PATH").unwrap();
                    let path = format!("{}:{path}", program.parent().unwrap().display());
                    let mut shell = Command::new("sh");
                    let output = shell
                        .args(["-c", &format!("{{ {command}; }} 2>&1")])
                        .current_dir(&inside)
                        .env_clear()
                        .env("PATH", path)
                        .env("HOME", project.root().join("home"))
                        .env("TMPDIR", project.root().join("tmp"))
                        .env("LC_ALL", "C.UTF-8")
                        .stdin(std::process::Stdio::null())
                        .output()
                        .unwrap();
                    let said = String::from_utf8(output.stdout).unwrap();
                    let said = as_written(&said, &folder.display().to_string());
                    if std::env::var_os("PROVE_MANUAL").is_some() {
                        eprintln!("$ {command}\n{said}");
                        continue;
                    }
                    assert_eq!(said, wanted, "{command}");
                    run += 1;
                }
            }
            None => {}
        }
    }
    assert!(run >= 6, "{run}");
}
