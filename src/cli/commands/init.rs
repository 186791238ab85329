//! `init`: the files of a new project. Creates no database, and leaves alone what is there.

use std::path::Path;

use phaseshift::Result;
use phaseshift::error::file_error;
use serde_json::json;

use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::settings_file::FILE_NAME;

const SCHEMA: &str = "-- The desired schema: CREATE statements only. Optional.\n";

/// Writes the files of a project that are not there yet.
///
/// # Errors
/// [`phaseshift::ErrorKind::Io`] or [`phaseshift::ErrorKind::ReadOnly`].
pub fn run(context: &Context, folder: &Path) -> Result<CommandOutput> {
    let files = context.files();
    let folder = context.folder.join(folder);
    let database =
        context.settings.database.as_deref().filter(|_| !context.settings.flags.is_empty());
    let database = database.map_or_else(|| "app.db".to_owned(), |path| relative(path, &folder));
    let phases = folder.join("phases");
    files.create_folder(&phases).map_err(|error| file_error("create", &phases, error))?;
    let mut text = String::new();
    let mut created = Vec::new();
    for (name, content) in [(FILE_NAME, settings(&database)), ("schema.sql", SCHEMA.to_owned())] {
        let path = folder.join(name);
        match files.create(&path, content.as_bytes(), 0o644) {
            Ok(()) => {
                text.push_str(&format!("Created {}\n", escaped(context.shown(&path))));
                created.push(path);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                text.push_str(&format!("Kept {}\n", escaped(context.shown(&path))));
            }
            Err(error) => return Err(file_error("create", &path, error)),
        }
    }
    text.push_str(&format!("Phases go to {}\n", escaped(context.shown(&phases))));
    text.push_str("Next: phaseshift revision -m 'What the first phase does'\n");
    Ok(CommandOutput::done(text, json!({"folder": folder, "created": created, "phases": phases})))
}

fn relative(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

/// The settings file of a project.
pub fn settings(database: &str) -> String {
    let database = toml_edit::Value::from(database).to_string();
    format!(
        "# Settings of phaseshift. Paths are relative to this file.\n\
         database = {database}\n\
         phases = \"phases\"\n\
         # backups = \"backups\"          # default: beside the database\n\
         # schema = \"schema.sql\"       # the desired schema, for diff and --autogenerate\n\
         # version_table = \"schema_version\"\n\
         # wait = 5                      # seconds, for other programs' locks\n\
         # keep = {{ days = 30, count = 3 }}\n"
    )
}
