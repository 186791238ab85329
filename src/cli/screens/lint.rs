//! The findings of `lint`: for a person, as SARIF, and as workflow commands of GitHub Actions.

use phaseshift::inspect::{Finding, LINT_RULES, Linted};
use serde_json::{Value, json};

use super::counted;
use crate::cli::output::escaped;
use crate::cli::terminal::Style;

/// Shows a file to the reader.
type Shown<'a> = dyn Fn(&Finding) -> String + 'a;

/// Lists the findings, each with its reason and what to do, and those that the phases allow.
pub fn text(linted: &Linted, phases: usize, shown: &Shown<'_>, style: Style) -> String {
    let mut text = String::new();
    for finding in &linted.findings {
        text.push_str(&format!(
            "{} {}\n    why: {}\n    fix: {}\n",
            style.no(),
            line(finding, shown),
            finding.why,
            finding.fix
        ));
    }
    for allowed in &linted.allowed {
        let (line, reason) = (line(&allowed.finding, shown), escaped(&allowed.reason));
        text.push_str(&format!("{} allowed: {line}\n    reason: {reason}\n", style.bullet()));
    }
    let count = phases;
    let phases = counted(phases, "phase", "phases");
    text.push_str(&match linted.findings.len() {
        0 if count == 0 => {
            "Nothing to check: no phase is pending. Name a phase to check it again.\n".to_owned()
        }
        0 => format!("{} {phases} checked, nothing dangerous found\n", style.ok()),
        count => format!("{phases} checked, {}\n", counted(count, "finding", "findings")),
    });
    text
}

fn line(finding: &Finding, shown: &Shown<'_>) -> String {
    format!(
        "{} ({}:{}) {}: {}",
        finding.phase,
        escaped(shown(finding)),
        finding.line,
        finding.code,
        escaped(message(finding))
    )
}

/// What was found, with the rows that the table has.
fn message(finding: &Finding) -> String {
    let rows = finding.table.as_ref().zip(finding.rows);
    let rows = rows.map(|(table, rows)| format!(" ({table} has {})", counted(rows, "row", "rows")));
    format!("{}{}", finding.message, rows.unwrap_or_default())
}

/// Writes the findings as a SARIF 2.1.0 log
/// (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>); what a phase allows is suppressed in source.
pub fn sarif(linted: &Linted, shown: &Shown<'_>) -> String {
    let rules: Vec<Value> = LINT_RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.code,
                "shortDescription": {"text": rule.finds},
                "fullDescription": {"text": rule.why},
                "help": {"text": rule.fix},
                "defaultConfiguration": {"level": "warning"},
            })
        })
        .collect();
    let left = linted.findings.iter().map(|it| result(it, shown));
    let allowed = linted.allowed.iter().map(|it| {
        let mut result = result(&it.finding, shown);
        result["suppressions"] = json!([{"kind": "inSource", "justification": it.reason}]);
        result
    });
    let results: Vec<Value> = left.chain(allowed).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "phaseshift",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn result(finding: &Finding, shown: &Shown<'_>) -> Value {
    let index = LINT_RULES.iter().position(|rule| rule.code == finding.code);
    let text = format!("{}: {}; fix: {}", finding.phase, message(finding), finding.fix);
    json!({
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": "warning",
        "message": {"text": text},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(&shown(finding))},
            "region": {"startLine": finding.line.max(1)},
        }}],
    })
}

/// Writes a path as a URI reference (<https://www.rfc-editor.org/rfc/rfc3986#section-2.3>).
fn uri(path: &str) -> String {
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.replace('\\', "/").bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}

/// Writes the findings as workflow commands, one on a line
/// (<https://docs.github.com/actions/reference/workflow-commands-for-github-actions>).
pub fn github(linted: &Linted, shown: &Shown<'_>) -> String {
    linted.findings.iter().map(|finding| command(finding, shown)).collect()
}

fn command(finding: &Finding, shown: &Shown<'_>) -> String {
    let (phase, what) = (&finding.phase, message(finding));
    let text = format!("{phase}: {what}\nwhy: {}\nfix: {}", finding.why, finding.fix);
    format!(
        "::warning file={},line={},title={}::{}\n",
        property(&shown(finding)),
        finding.line.max(1),
        property(&format!("phaseshift {}", finding.code)),
        data(&text)
    )
}

/// Escapes the text of a workflow command: a line end would end it, and the log may be read on a terminal.
fn data(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(escaped).collect();
    // The percent sign of an escape must not be escaped again.
    lines.join("\n").replace('%', "%25").replace('\n', "%0A")
}

/// Escapes a property of a workflow command, which a colon or a comma would end.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
