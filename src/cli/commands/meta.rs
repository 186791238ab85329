//! `completions` and `man`: what the program says about itself.

use clap::CommandFactory as _;
use phaseshift::{Error, ErrorKind, Result};
use serde_json::json;

use crate::cli::args::{Cli, Document};
use crate::cli::command_output::CommandOutput;
use crate::cli::json_schema;

/// Prints completions for a shell.
pub fn completions(shell: clap_complete::Shell) -> CommandOutput {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "phaseshift", &mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    CommandOutput::done(text.clone(), json!({"shell": shell.to_string(), "text": text}))
}

/// Prints a JSON Schema.
pub fn json_schema(document: Document) -> CommandOutput {
    let schema = json_schema::json_schema(document);
    CommandOutput::done(format!("{schema:#}\n"), json!({"schema": schema})).for_programs()
}

/// Prints the manual page, one section for each command.
///
/// # Errors
/// [`ErrorKind::Io`] if the page cannot be made.
pub fn man() -> Result<CommandOutput> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, "the manual page cannot be made").caused_by(error)
    };
    let mut bytes = Vec::new();
    let command = Cli::command();
    clap_mangen::Man::new(command.clone()).render(&mut bytes).map_err(failed)?;
    for subcommand in command.get_subcommands() {
        let page = clap_mangen::Man::new(subcommand.clone());
        page.render_synopsis_section(&mut bytes).map_err(failed)?;
        page.render_description_section(&mut bytes).map_err(failed)?;
        page.render_options_section(&mut bytes).map_err(failed)?;
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(CommandOutput::done(text.clone(), json!({"text": text})))
}
