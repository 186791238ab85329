//! The page of a plan or a run: one HTML file that needs nothing else, neither a network nor a script.

mod diagram;
mod html;
mod mermaid;
mod parts;
mod past;
mod schemas;

use phaseshift::migrate::{Project, Report};
use phaseshift::plan::Plan;

pub use mermaid::{label, markdown, mermaid};
pub use past::{PastPhase, PastRun, past_page};

use self::html::Html;
use self::schemas::Schemas;

/// How every page begins.
pub const START: &str = "<!DOCTYPE html>\n";

#[derive(Debug)]
pub struct PageSubject<'s> {
    pub project: &'s Project,
    /// The database as a person names it, or the range of the chain that is planned without one.
    pub place: String,
    /// What was planned, or carried out.
    pub plan: &'s Plan,
    /// Where the plan leads, with what that is: versions, or a range of the chain.
    pub way: (&'static str, String),
    /// Tables that are rebuilt, by their names before, with their rows; `None` if they were not counted.
    pub counts: Vec<(String, Option<u64>)>,
    /// What a run did; `None` for a plan.
    pub done: Option<&'s Report>,
    /// What to do next: why, and the command.
    pub next: Vec<(String, String)>,
    pub made: String,
}

impl PageSubject<'_> {
    /// Compares the schemas at both ends of the plan.
    pub fn schemas(&self) -> Schemas {
        Schemas::of(self.plan, &self.project.versions)
    }
}

const STYLE: &str = include_str!("style.css");

/// The page asks for nothing from anywhere, and runs nothing:
/// <https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Content-Security-Policy>.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

pub fn page(subject: &PageSubject<'_>) -> String {
    document(&parts::title(subject), |html| parts::body(html, subject))
}

/// Writes a page around its content.
fn document(title: &str, content: impl FnOnce(&mut Html)) -> String {
    let mut html = Html::default();
    html.fixed(START);
    html.within("html", &[("lang", "en")], |html| {
        html.within("head", &[], |html| {
            html.void("meta", &[("charset", "utf-8")]);
            html.void("meta", &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)]);
            let fit = "width=device-width, initial-scale=1";
            html.void("meta", &[("name", "viewport"), ("content", fit)]);
            html.element("title", &[], title);
            html.within("style", &[], |html| html.fixed(STYLE));
        });
        html.within("body", &[], |html| html.within("main", &[], content));
    });
    html.finish()
}
