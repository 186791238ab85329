//! Arguments of `import`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use phaseshift::import::Tool;

use super::DryRun;

/// Arguments of `import`.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// The tool that wrote the migrations
    #[arg(long = "from", value_name = "TOOL", value_parser = PossibleValuesParser::new(Tool::WORDS))]
    pub tool: String,
    /// The folder of the tool's migrations
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// A database that the tool migrated; what the tool recorded there is recorded as applied, after comparing the schema
    #[arg(long, value_name = "FILE")]
    pub adopt: Option<String>,
    /// For alembic: a file with what `alembic upgrade base:heads --sql` printed. Give the flag again for one with what
    /// `alembic downgrade heads:base --sql` printed
    #[arg(long = "sql", value_name = "FILE")]
    pub scripts: Vec<PathBuf>,
    /// Show what would be done
    #[command(flatten)]
    pub dry_run: DryRun,
}
