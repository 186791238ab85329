//! A plan as a Mermaid flowchart, and as Markdown for a pull request.

use phaseshift::plan::Direction;

use super::PageSubject;
use super::parts::unchanged;
use super::schemas::{Mark, Side, TableBox};
use crate::cli::output::escaped;
use crate::cli::screens::changes::changes;
use crate::cli::screens::plan::headline;

/// A name in a Mermaid label: <https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters>.
pub fn label(name: &str) -> String {
    let mut text = String::new();
    for letter in escaped(name).chars() {
        match letter {
            '"' | '#' | '<' | '>' | '&' | ';' | '`' => {
                text.push_str(&format!("#{};", u32::from(letter)))
            }
            letter => text.push(letter),
        }
    }
    text
}

/// Draws both schemas of a plan as one flowchart: tables with the columns that change, and foreign keys.
pub fn mermaid(subject: &PageSubject<'_>) -> String {
    let schemas = subject.schemas();
    let mut text = "flowchart LR\n".to_owned();
    for (side, prefix, title) in [(&schemas.before, 'b', "Before"), (&schemas.after, 'a', "After")]
    {
        text.push_str(&format!("  subgraph {title}\n    direction LR\n"));
        text.push_str(&nodes(side, prefix));
        text.push_str("  end\n");
    }
    text.push_str("  Before ==> After\n");
    for (name, style) in [
        ("new", "stroke:#116329,stroke-width:3px"),
        ("dropped", "stroke:#a40e26,stroke-width:3px,stroke-dasharray:5 3"),
        ("changed", "stroke:#b26a00,stroke-width:3px"),
    ] {
        text.push_str(&format!("  classDef {name} {style}\n"));
    }
    text
}

fn nodes(side: &Side, prefix: char) -> String {
    let mut text = String::new();
    if side.tables.is_empty() {
        let what = match side.hidden {
            0 => "no tables".to_owned(),
            count => unchanged(count),
        };
        text.push_str(&format!("    {prefix}none[\"{what}\"]\n"));
    }
    for (at, table) in side.tables.iter().enumerate() {
        let class = match class(table) {
            "same" => String::new(),
            class => format!(":::{class}"),
        };
        text.push_str(&format!("    {prefix}{at}[\"{}\"]{class}\n", node(table)));
    }
    for key in &side.keys {
        text.push_str(&format!(
            "    {prefix}{} -. references .-> {prefix}{}\n",
            key.from.0, key.to.0
        ));
    }
    text
}

/// The table and its columns that change, one on each line.
fn node(table: &TableBox) -> String {
    let marked = |name: &str, mark: &Mark| match mark.words() {
        "" => label(name),
        words => format!("{} ({})", label(name), label(words)),
    };
    let columns = table.columns.iter().filter(|it| it.mark != Mark::Same || !it.role.is_empty());
    let columns = columns.map(|it| marked(&it.name, &it.mark));
    let mut lines = vec![marked(&table.name, &table.mark)];
    lines.extend(columns);
    lines.join("<br/>")
}

fn class(table: &TableBox) -> &'static str {
    let inside = table.columns.iter().any(|it| it.mark != Mark::Same);
    match &table.mark {
        Mark::Same if inside => "changed",
        mark => mark.class(),
    }
}

/// Writes a plan for a pull request: what changes, what is lost, the diagram, and the steps.
pub fn markdown(subject: &PageSubject<'_>) -> String {
    let mut text = format!("### {}\n\n", inline(&headline(subject.plan)));
    text.push_str(&format!(
        "{}, {} {}\n\n",
        code(&subject.place),
        subject.way.0.to_lowercase(),
        inline(&subject.way.1)
    ));
    for phase in &subject.plan.phases {
        let verb = if phase.direction == Direction::Up { "Apply" } else { "Undo" };
        let (id, what) = (code(phase.id.as_str()), inline(&phase.description));
        text.push_str(&format!("**{verb} {id}**: {what}\n\n"));
        for change in changes(phase, &subject.project.chain) {
            text.push_str(&format!("- {}\n", inline(&change)));
        }
        for loss in &phase.losses {
            text.push_str(&format!("- ⚠️ **loses data**: {}\n", inline(&loss.to_string())));
        }
        for notice in &phase.notices {
            text.push_str(&format!("- Note: {}\n", inline(notice)));
        }
        text.push('\n');
    }
    text.push_str(&format!("```mermaid\n{}```\n\n", mermaid(subject)));
    text.push_str("<details><summary>Steps</summary>\n\n");
    for (at, step) in subject.plan.steps().iter().enumerate() {
        text.push_str(&format!("{}. {}\n", at + 1, inline(&step.title)));
    }
    text + "\n</details>\n"
}

/// Text from outside within a line of Markdown: every character that Markdown or HTML could obey is escaped
/// (<https://spec.commonmark.org/0.31.2/#backslash-escapes>), and `@name` and `#1` call nothing on GitHub.
fn inline(text: &str) -> String {
    let mut safe = String::new();
    for letter in escaped(text).chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '@' => safe.push_str("&#64;"),
            '#' => safe.push_str("&#35;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '|' | '~' | '!' | '$' => {
                safe.push('\\');
                safe.push(letter);
            }
            letter => safe.push(letter),
        }
    }
    safe
}

/// Text from outside as code, between more backticks than it has in a row.
fn code(text: &str) -> String {
    let text = escaped(text);
    let longest = text.split(|it| it != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    match longest {
        0 => format!("{fence}{text}{fence}"),
        _ => format!("{fence} {text} {fence}"),
    }
}
