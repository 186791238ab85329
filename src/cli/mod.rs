//! The program around the engine: arguments, settings, screens, questions, exit codes.
//!
//! It uses only the engine's public API. Everything that is shown is made by pure functions in
//! `screens`; everything that is done is one file in `commands`.

mod args;
mod command_output;
mod commands;
mod context;
mod explain;
mod foreign_command;
mod json;
mod json_schema;
mod location;
mod output;
mod page;
mod progress;
mod prompt;
mod run;
mod screens;
mod settings;
mod settings_file;
mod settings_search;
mod signals;
mod terminal;

pub use run::run;
