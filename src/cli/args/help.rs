//! The help of the program: the commands in groups.

use clap::CommandFactory as _;

use super::Cli;

/// The commands by what they are for, as the help lists them.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Guided", &["migrate", "status", "plan", "report", "preflight", "verify", "restore", "demo"]),
    (
        "Chain",
        &[
            "upgrade",
            "downgrade",
            "current",
            "history",
            "show",
            "heads",
            "bases",
            "branches",
            "stamp",
            "extract-undo",
        ],
    ),
    (
        "Authoring",
        &[
            "init", "revision", "merge", "squash", "check", "lint", "diff", "deps", "audit",
            "import", "apply", "prove",
        ],
    ),
    ("Files", &["backup", "backups", "optimize", "reset", "fleet"]),
    ("Setup", &["completions", "man", "json-schema", "help"]),
];

/// Returns the program's arguments, with a help that lists the commands in groups.
pub fn command() -> clap::Command {
    use std::fmt::Write as _;
    let command = Cli::command();
    let mut listed = String::new();
    for (group, names) in GROUPS {
        let _ = write!(listed, "\n{group}:\n");
        for name in names {
            let about = match command.find_subcommand(name) {
                Some(found) => found.get_about().map(ToString::to_string).unwrap_or_default(),
                None if *name == "help" => "Print this help, or that of a command".to_owned(),
                None => continue,
            };
            let _ = writeln!(listed, "  {name:<13} {about}");
        }
    }
    let template = format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n{listed}\n\
         `phaseshift help COMMAND` shows the options and examples of a command.\n\
         To begin with an existing file: phaseshift init --from FILE. To see a migration: phaseshift demo.\n\nGlobal options:\n{{options}}{{after-help}}"
    );
    let undone = "The database, and the phase to go back to: an id or its beginning, version:N, base, -N, label@-N; or head \
                  (the newest phase of the folder), if the database has phases that the folder lacks \
                  [default: -1, one phase back]";
    let applied = "The database, and the phase to go to: an id or its beginning, version:N, head, heads, +N, label@head \
                   [default: head]";
    let with_words = |command: clap::Command, name: &str, words: &'static str| {
        command.mut_subcommand(name, |it| it.mut_arg("words", |argument| argument.help(words)))
    };
    let command = ["migrate", "upgrade", "preflight"]
        .into_iter()
        .fold(command, |command, name| with_words(command, name, applied));
    let losing = |argument: clap::Arg| argument.help("Run even if rows or values are lost");
    with_words(command, "downgrade", undone)
        .mut_subcommand("downgrade", |it| it.mut_arg("accept_loss", losing))
        .help_template(template)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_command_once() {
        let listed: Vec<&str> =
            GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        for subcommand in Cli::command().get_subcommands() {
            let count = listed.iter().filter(|it| **it == subcommand.get_name()).count();
            assert_eq!(count, 1, "{}", subcommand.get_name());
        }
    }
}
