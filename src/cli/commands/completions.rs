//! `completions` and `man`: what the program says about itself.

use std::path::Path;

use phaseshift::error::file_error;
use phaseshift::files::Files;
use phaseshift::{Error, ErrorKind, Result};
use serde_json::json;

use crate::cli::args::{Cli, Document, ManArgs};
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::json_schema;
use crate::cli::output::escaped;
use clap::CommandFactory as _;

pub fn completions(shell: clap_complete::Shell) -> CommandOutput {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "phaseshift", &mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    CommandOutput::done(text.clone(), json!({"shell": shell.to_string(), "text": text}))
}

pub fn json_schema(document: Document) -> CommandOutput {
    let schema = json_schema::json_schema(document);
    CommandOutput::done(format!("{schema:#}\n"), json!({"schema": schema})).for_programs()
}

/// Prints the manual page of the program, one section for each command; or writes a page for each command to a folder.
///
/// # Errors
/// [`ErrorKind::Io`] if a page cannot be made; those of writing it.
pub fn man(context: &Context, arguments: &ManArgs) -> Result<CommandOutput> {
    let mut program = Cli::command();
    // Global options become part of every command.
    program.build();
    match &arguments.folder {
        Some(folder) => write_pages(context, &program, &context.folder.join(folder)),
        None => print_page(&program),
    }
}

fn print_page(program: &clap::Command) -> Result<CommandOutput> {
    let mut bytes = Vec::new();
    clap_mangen::Man::new(program.clone()).render(&mut bytes).map_err(not_made)?;
    for subcommand in program.get_subcommands() {
        let page = clap_mangen::Man::new(subcommand.clone());
        page.render_synopsis_section(&mut bytes).map_err(not_made)?;
        page.render_description_section(&mut bytes).map_err(not_made)?;
        page.render_options_section(&mut bytes).map_err(not_made)?;
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(CommandOutput::done(text.clone(), json!({"text": text})))
}

/// Writes the pages that the page of the program refers to, those of commands of commands included.
fn write_pages(context: &Context, program: &clap::Command, folder: &Path) -> Result<CommandOutput> {
    let files = context.files();
    files.make_folder(folder)?;
    let mut pages = Vec::new();
    let mut commands = vec![("phaseshift".to_owned(), program.clone())];
    while let Some((name, command)) = commands.pop() {
        for below in command.get_subcommands() {
            commands.push((format!("{name}-{}", below.get_name()), below.clone()));
        }
        let mut bytes = Vec::new();
        clap_mangen::Man::new(command).render(&mut bytes).map_err(not_made)?;
        let path = folder.join(format!("{name}.1"));
        write_over(files.as_ref(), &path, &bytes)?;
        pages.push(path);
    }
    pages.sort();
    let text = format!("{} pages in {}\n", pages.len(), escaped(context.shown(folder)));
    Ok(CommandOutput::done(text, json!({"folder": folder, "pages": pages})))
}

/// Writes a file under another name first, so that a page is whole or not there.
fn write_over(files: &dyn Files, path: &Path, bytes: &[u8]) -> Result<()> {
    let part = path.with_extension("1.part");
    let written = files.create(&part, bytes, 0o644).and_then(|()| files.rename_over(&part, path));
    written.map_err(|error| file_error("write", path, error))
}

fn not_made(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, "the manual page cannot be made").caused_by(error)
}
