//! `demo`: the sample catalogue, and its Phase 3.

use std::path::{Path, PathBuf};

use phaseshift::database::beside;
use phaseshift::error::file_error;
use phaseshift::files::Files;
use phaseshift::migrate::Request;
use phaseshift::phase::{Chain, Target};
use phaseshift::sample::{SampleOptions, phase_files, write_catalogue};
use phaseshift::{Error, ErrorKind, Result};

use super::init::settings;
use super::migrate::guide;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::settings::shell_word;
use crate::cli::settings_file::FILE_NAME;

/// The first line of the settings file, by which a later demo knows that the folder is its own.
const MARKER: &str = "# Made by `phaseshift demo`, which replaces this folder's files.\n";
const DATABASE: &str = "fits_catalog.db";
/// The phase that the demo runs.
const TARGET: &str = "phase3";

/// Writes the sample catalogue into a folder and guides through its Phase 3.
///
/// # Errors
/// [`ErrorKind::NotAFile`] if the folder holds files that are not the demo's; those of a run.
pub fn run(context: &Context, folder: &Path) -> Result<CommandOutput> {
    let place = context.folder.join(folder);
    let files = context.files();
    clear(files.as_ref(), &place)?;
    context.say(&format!("Writing the sample catalogue to {}\n\n", escaped(context.shown(&place))));
    let database = write(files.as_ref(), &place)?;
    let mut context = context.clone();
    context.settings.backups = None;
    "schema_version".clone_into(&mut context.settings.version_table);
    let file = place.join(FILE_NAME);
    context.settings.flags = format!(" --config {}", shell_word(&context.shown(&file)));
    // The file is the demo's own: no question protects it.
    context.yes = context.yes || !context.can_ask();
    let chain = Chain::read(files.as_ref(), &place.join("phases"))?;
    let project = context.project_at(database, chain);
    let request = Request::up(Target::parse(TARGET)?);
    guide(&context, &project, &request, false)
}

/// Removes the files of an earlier demo, or refuses if they are not the demo's.
fn clear(files: &dyn Files, folder: &Path) -> Result<()> {
    let settings = folder.join(FILE_NAME);
    let marked = files.content_if_there(&settings)?;
    let ours = marked.is_some_and(|bytes| bytes.starts_with(MARKER.as_bytes()));
    let database = folder.join(DATABASE);
    let mut old = ["-wal", "-shm", "-journal", ""].map(|end| beside(&database, end)).to_vec();
    old.extend(phase_files().iter().map(|(name, _)| folder.join("phases").join(name)));
    // The marker goes last, so that a demo that was killed here is still known as one.
    old.push(settings);
    for path in old {
        if !ours && files.exists(&path)? {
            return Err(not_ours(folder, &path));
        }
        files.remove_if_there(&path)?;
    }
    Ok(())
}

fn not_ours(folder: &Path, path: &Path) -> Error {
    let what = format!("{} exists and was not made by a demo", path.display());
    Error::new(ErrorKind::NotAFile, what).about("demo").in_database(&folder.join(DATABASE))
}

/// Writes the settings first: from then on the folder is known as the demo's.
fn write(files: &dyn Files, folder: &Path) -> Result<PathBuf> {
    let create = |path: &Path, text: &str| {
        files
            .create(path, text.as_bytes(), 0o644)
            .map_err(|error| file_error("create", path, error))
    };
    let phases = folder.join("phases");
    files.make_folder(&phases)?;
    create(&folder.join(FILE_NAME), &format!("{MARKER}{}", settings(DATABASE)))?;
    for (name, text) in phase_files() {
        create(&phases.join(name), text)?;
    }
    let database = folder.join(DATABASE);
    write_catalogue(&database, &SampleOptions::default())?;
    Ok(database)
}
