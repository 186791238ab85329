//! `revision` and `merge`: new phase files.

use std::path::Path;

use phaseshift::error::file_error;
use phaseshift::migrate::{refuse_branch_conflicts, replay};
use phaseshift::phase::{Chain, PhaseFile, PhaseId, Target};
use phaseshift::{Error, ErrorKind, Remedy, Result};
use serde_json::json;

use super::draft::{DraftedPhase, draft_phase, nothing_to_draft, reaches};
use super::json_values::ids;
use crate::cli::args::{MergeArgs, RevisionArgs};
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;

/// What a new phase file says.
struct NewPhase {
    id: PhaseId,
    /// The file's name without its extension.
    stem: String,
    version: i64,
    description: String,
    parents: Vec<PhaseId>,
    depends_on: Vec<PhaseId>,
    labels: Vec<String>,
    /// The steps, and the schema that they must reach.
    drafted: Option<DraftedPhase>,
}

/// Writes a new phase file.
///
/// # Errors
/// [`ErrorKind::AmbiguousTarget`] if there are several heads and none is named;
/// [`ErrorKind::Arguments`] for an id that is none or is taken.
pub fn revision(context: &Context, arguments: &RevisionArgs) -> Result<CommandOutput> {
    let chain = chain(context)?;
    let parents = match arguments.head.as_deref() {
        Some("base") => Vec::new(),
        Some(head) => chain.current(&chain.applied_at(&Target::parse(head)?)?),
        None => only_head(&chain)?,
    };
    refuse_unwanted_fork(&chain, &parents, arguments.splice)?;
    let depends_on =
        arguments.depends_on.iter().map(|id| chain.resolve_id(id)).collect::<Result<Vec<_>>>()?;
    if !arguments.autogenerate && !arguments.answers.is_empty() {
        let what = "--rename, --drop, --value and --allow-drop go with --autogenerate";
        return Err(Error::new(ErrorKind::Arguments, what));
    }
    let drafted = match arguments.autogenerate {
        true => match draft_phase(context, &chain, &parents, &arguments.answers)? {
            Some(drafted) => Some(drafted),
            None => return Ok(nothing_to_draft(context)),
        },
        false => None,
    };
    let name = new_name(context, &chain, arguments.id.as_deref(), &arguments.message)?;
    let phase = NewPhase {
        id: name.id,
        stem: name.stem,
        version: next_version(&chain),
        description: arguments.message.clone(),
        parents,
        depends_on,
        labels: arguments.labels.clone(),
        drafted,
    };
    write(context, &phase)
}

/// Writes a phase that joins several.
///
/// # Errors
/// [`ErrorKind::Arguments`] if there are fewer than two phases to join; [`ErrorKind::Chain`] if
/// their branches clash.
pub fn merge(context: &Context, arguments: &MergeArgs) -> Result<CommandOutput> {
    let chain = chain(context)?;
    let mut parents = Vec::new();
    for text in &arguments.joined {
        parents.extend(chain.current(&chain.applied_at(&Target::parse(text)?)?));
    }
    if arguments.joined.is_empty() {
        parents = chain.heads();
    }
    parents.dedup();
    if parents.len() < 2 {
        let what = "there is nothing to join: a merge needs two heads";
        return Err(Error::new(ErrorKind::Arguments, what).with_remedy(Remedy::NameHead));
    }
    let project = context.project_of(chain.clone());
    refuse_branch_conflicts(&project, &parents)?;
    let names: Vec<&str> = ids(&parents);
    let message = arguments.message.clone().unwrap_or_else(|| merge_message(&names));
    let name = new_name(context, &chain, arguments.id.as_deref(), &message)?;
    let phase = NewPhase {
        id: name.id,
        stem: name.stem,
        version: next_version(&chain),
        description: message,
        parents,
        depends_on: Vec::new(),
        labels: Vec::new(),
        drafted: None,
    };
    write(context, &phase)
}

/// Describes a merge in a line that `lint` accepts: ids can be long.
fn merge_message(names: &[&str]) -> String {
    const LONGEST: usize = 60;
    let message = format!("Merge {}", names.join(" and "));
    match message.chars().count() {
        0..=LONGEST => message,
        _ => format!("Merge {} branches", names.len()),
    }
}

/// Reads the phases; a folder that is missing holds none.
fn chain(context: &Context) -> Result<Chain> {
    let folder = &context.settings.phases;
    if !context.files().exists(folder)? { Ok(Chain::default()) } else { context.chain() }
}

fn only_head(chain: &Chain) -> Result<Vec<PhaseId>> {
    let heads = chain.heads();
    if heads.len() > 1 {
        let what =
            format!("the chain has {} heads: name one with --head, or join them", heads.len());
        return Err(Error::new(ErrorKind::AmbiguousTarget, what)
            .with_remedy(Remedy::NameHead)
            .choices(ids(&heads)));
    }
    Ok(heads)
}

/// A phase on which others stand becomes a fork only with a flag.
fn refuse_unwanted_fork(chain: &Chain, parents: &[PhaseId], splice: bool) -> Result<()> {
    let taken = parents.iter().find(|id| !chain.is_head(id)).filter(|_| !splice);
    let Some(id) = taken else { return Ok(()) };
    let successors = chain.children(id);
    let children = ids(&successors);
    let noun = if children.len() == 1 { "a successor" } else { "successors" };
    let what = format!("{id} already has {noun}: {}", children.join(", "));
    Err(Error::new(ErrorKind::Arguments, what)
        .with_remedy(Remedy::ForkChain)
        .choices([id.as_str()]))
}

fn next_version(chain: &Chain) -> i64 {
    chain.phases().iter().map(|phase| phase.version).max().map_or(1, |highest| highest + 1)
}

/// How a new phase is named where neither an id nor a template says otherwise: two people who work at the same time
/// rarely choose the same name, and files are listed in the order in which they were written.
const NAME_TEMPLATE: &str = "{date}_{time}_{slug}";

/// The name of a new phase: its id, and the stem of its file.
struct Name {
    id: PhaseId,
    stem: String,
}

/// Chooses the name of a new phase from the id that is given, the template of the settings, and the message.
fn new_name(context: &Context, chain: &Chain, given: Option<&str>, message: &str) -> Result<Name> {
    let template = context.settings.name_template.as_deref();
    let written = |template: &str, id: &str| {
        let now = context.files().now();
        template
            .replace("{id}", id)
            .replace("{slug}", &slug(message))
            .replace("{version}", &next_version(chain).to_string())
            .replace("{date}", &now.format("%Y%m%d").to_string())
            .replace("{time}", &now.format("%H%M%S").to_string())
    };
    let own = template.filter(|it| !it.contains("{id}")).unwrap_or(NAME_TEMPLATE);
    let text = match given {
        Some(text) => text.to_owned(),
        None => unused(chain, &written(own, "")),
    };
    let refuse = |why: &str| {
        let error = Error::new(ErrorKind::Arguments, format!("{text:?} {why}"));
        Err(error.with_remedy(Remedy::NameId))
    };
    let id = match PhaseId::new(&text) {
        None => return refuse("is no id: letters, digits, _ . and - only"),
        Some(id) if chain.get(&id).is_some() => return refuse("is the id of another phase"),
        Some(id) => id,
    };
    let stem = match template {
        Some(template) if given.is_some() || template.contains("{id}") => {
            written(template, id.as_str())
        }
        _ => text,
    };
    if stem.contains('/') {
        let what = format!("name_template makes a name with a slash: {stem}");
        return Err(Error::new(ErrorKind::Config, what));
    }
    Ok(Name { id, stem })
}

/// Makes a name of the words of a message.
pub(super) fn slug(message: &str) -> String {
    let plain = |character: char| match character.is_ascii_alphanumeric() {
        true => character.to_ascii_lowercase().to_string(),
        false => transliterated(character).unwrap_or(" ").to_owned(),
    };
    let words: String = message.chars().map(plain).collect();
    let slug = words.split_whitespace().collect::<Vec<_>>().join("_");
    let short: String = slug.chars().take(40).collect();
    let short = short.trim_end_matches('_').to_owned();
    if short.is_empty() { "phase".to_owned() } else { short }
}

/// Writes a letter of Latin alphabets in ASCII, since ids have no other letters.
const fn transliterated(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ä' | 'Ä' | 'æ' | 'Æ' => "ae",
        'ö' | 'Ö' | 'œ' | 'Œ' => "oe",
        'ü' | 'Ü' => "ue",
        'ß' | 'ẞ' => "ss",
        'á' | 'à' | 'â' | 'ã' | 'å' | 'ą' | 'ă' | 'ā' | 'Á' | 'À' | 'Â' | 'Ã' | 'Å' | 'Ą' => {
            "a"
        }
        'ç' | 'ć' | 'č' | 'Ç' | 'Ć' | 'Č' => "c",
        'ď' | 'đ' | 'ð' | 'Ď' | 'Đ' => "d",
        'é' | 'è' | 'ê' | 'ë' | 'ę' | 'ě' | 'ē' | 'É' | 'È' | 'Ê' | 'Ë' | 'Ę' | 'Ě' => {
            "e"
        }
        'ğ' | 'Ğ' => "g",
        'í' | 'ì' | 'î' | 'ï' | 'ı' | 'ī' | 'Í' | 'Ì' | 'Î' | 'Ï' | 'İ' => "i",
        'ł' | 'Ł' => "l",
        'ñ' | 'ń' | 'ň' | 'Ñ' | 'Ń' | 'Ň' => "n",
        'ó' | 'ò' | 'ô' | 'õ' | 'ø' | 'ő' | 'ō' | 'Ó' | 'Ò' | 'Ô' | 'Õ' | 'Ø' | 'Ő' => {
            "o"
        }
        'ř' | 'Ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' | 'Ś' | 'Š' | 'Ş' | 'Ș' => "s",
        'ť' | 'ț' | 'ţ' | 'Ť' | 'Ț' | 'Ţ' => "t",
        'ú' | 'ù' | 'û' | 'ů' | 'ű' | 'ū' | 'Ú' | 'Ù' | 'Û' | 'Ů' | 'Ű' => "u",
        'ý' | 'ÿ' | 'Ý' => "y",
        'ź' | 'ż' | 'ž' | 'Ź' | 'Ż' | 'Ž' => "z",
        _ => return None,
    })
}

fn unused(chain: &Chain, slug: &str) -> String {
    let taken = |text: &str| PhaseId::new(text).is_some_and(|id| chain.get(&id).is_some());
    let numbered = (2..).map(|number: u64| format!("{slug}_{number}"));
    std::iter::once(slug.to_owned())
        .chain(numbered)
        .find(|text| !taken(text))
        .unwrap_or_else(|| slug.to_owned())
}

fn write(context: &Context, phase: &NewPhase) -> Result<CommandOutput> {
    let files = context.files();
    let folder = &context.settings.phases;
    let path = folder.join(format!("{}.toml", phase.stem));
    let content = text(phase);
    let notices = accept(context, &path, &content, phase)?;
    files.make_folder(folder)?;
    files
        .create(&path, content.as_bytes(), 0o644)
        .map_err(|error| file_error("create", &path, error))?;
    let remarks = phase.drafted.iter().flat_map(DraftedPhase::remarks);
    for notice in notices.iter().cloned().chain(remarks) {
        context.remark(&format!("Note: {notice}"));
    }
    let report = json!({
        "file": path,
        "id": phase.id.as_str(),
        "version": phase.version,
        "parents": ids(&phase.parents),
        "notices": notices,
        "changed": true,
        "drops": phase.drafted.as_ref().map(|it| &it.drops),
        "needs_values": phase.drafted.as_ref().map(|it| &it.needs_values),
    });
    let mut said = format!("Created {}\n", escaped(context.shown(&path)));
    if phase.drafted.is_some() {
        said.push_str("Review it before you apply it: it was drafted from two schemas.\n");
    } else if phase.parents.len() < 2 {
        let database = context.settings.database.as_deref();
        let is_missing = |path| matches!(context.files().stat(path), Ok(None));
        let next = if database.is_some_and(is_missing) { "upgrade --create" } else { "plan" };
        let next = context.command_line(next);
        said.push_str(&format!("It has no steps yet. Write them, then: {next}\n"));
    }
    Ok(CommandOutput::done(said, report))
}

/// Reads the phases together with the new file before it is written, and replays all of them from
/// nothing. A chain that stands on tables that no phase makes does not run so: that is a notice, and no
/// more.
fn accept(context: &Context, path: &Path, content: &str, phase: &NewPhase) -> Result<Vec<String>> {
    let files = context.files();
    let new = PhaseFile::parse(files.as_ref(), path, content)?;
    let chain = Chain::read_with(files.as_ref(), &context.settings.phases, new)?;
    if let Some(drafted) = &phase.drafted {
        return reaches(context, chain, &phase.id, drafted)
            .map(|()| Vec::new())
            .map_err(|error| error.in_desired_schema(&context.settings.schema));
    }
    let all = chain.phases().iter().map(|phase| phase.id.clone()).collect();
    let project = context.project_of(chain);
    Ok(match replay(&project, &all) {
        Ok(_) => Vec::new(),
        Err(error) => {
            let phase = error.facts().phase.clone().unwrap_or_default();
            vec![format!("the phases do not run from nothing: {phase}: {error}")]
        }
    })
}

/// The text of a new phase file. The version is always written, so that it never changes.
fn text(phase: &NewPhase) -> String {
    let quoted = |text: &str| toml_edit::Value::from(text).to_string();
    let list = |texts: Vec<&str>| {
        let quoted: Vec<String> = texts.into_iter().map(quoted).collect();
        format!("[{}]", quoted.join(", "))
    };
    let mut text = format!(
        "id = {}\nversion = {}\ndescription = {}\nparents = {}\n",
        quoted(phase.id.as_str()),
        phase.version,
        quoted(&phase.description),
        list(ids(&phase.parents))
    );
    if !phase.depends_on.is_empty() {
        text.push_str(&format!("depends_on = {}\n", list(ids(&phase.depends_on))));
    }
    if !phase.labels.is_empty() {
        let labels = phase.labels.iter().map(String::as_str).collect();
        text.push_str(&format!("labels = {}\n", list(labels)));
    }
    if let Some(drafted) = &phase.drafted {
        text.push_str(&drafted.text);
    } else if phase.parents.len() < 2 {
        text.push_str(
            "\n# [[up]]\n# op = \"add_column\"\n# table = \"TABLE\"\n# column = \"note TEXT\"\n",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use phaseshift::files::Files as _;

    #[test]
    fn a_slug_is_made_of_the_words_of_a_message() {
        assert_eq!(slug("Add notes: to Sessions!"), "add_notes_to_sessions");
        assert_eq!(slug("Höher bauen: Straße"), "hoeher_bauen_strasse");
        assert_eq!(slug("Życie à la carte"), "zycie_a_la_carte");
        assert_eq!(slug("値"), "phase");
    }

    #[test]
    fn a_new_phase_is_a_phase_file() {
        let phase = NewPhase {
            id: PhaseId::new("phase2").unwrap(),
            stem: "phase2".to_owned(),
            version: 2,
            description: "Say \"no\"\nand yes".into(),
            parents: vec![PhaseId::new("phase1").unwrap()],
            depends_on: Vec::new(),
            labels: vec!["x".into()],
            drafted: None,
        };
        let folder = tempfile::tempdir().unwrap();
        let files = phaseshift::files::RealFiles;
        let first = "id = 'phase1'\nversion = 1\nparents = []\n";
        files.create(&folder.path().join("a.toml"), first.as_bytes(), 0o600).unwrap();
        files.create(&folder.path().join("b.toml"), text(&phase).as_bytes(), 0o600).unwrap();
        let chain = Chain::read(&files, folder.path()).unwrap();
        assert_eq!(ids(&chain.heads()), ["phase2"]);
        assert_eq!(chain.get(&phase.id).unwrap().description, phase.description);
    }
}
