//! What the terminal can show, decided once for each stream.

use std::env;
use std::io::IsTerminal as _;

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal that shows colours, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// How text on one stream looks: with or without colour, with Unicode or ASCII marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Whether colours are used. They only repeat what the words say.
    pub color: bool,
    /// Whether the locale shows characters beyond ASCII.
    pub unicode: bool,
}

impl Style {
    /// The mark before something that holds or is done.
    pub fn ok(self) -> String {
        self.paint("32", if self.unicode { "✓" } else { "ok" })
    }

    /// The mark before something that does not hold.
    pub fn no(self) -> String {
        self.paint("31", if self.unicode { "✗" } else { "NO" })
    }

    /// The mark before an item of a list.
    pub fn bullet(self) -> &'static str {
        if self.unicode { "•" } else { "*" }
    }

    pub fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// A word that warns.
    pub fn warning(self, text: &str) -> String {
        self.paint("33;1", text)
    }

    /// A word that says something failed.
    pub fn error(self, text: &str) -> String {
        self.paint("31;1", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The terminal, if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    pub out: Style,
    pub err: Style,
    /// Whether a person can be asked: stdin and stderr are terminals.
    pub attended: bool,
    /// Whether progress bars can be drawn on stderr.
    pub bars: bool,
    /// Whether a person can pick from a list with keys.
    pub keys: bool,
}

impl Terminal {
    /// Looks at the streams and the environment.
    #[expect(clippy::disallowed_methods, reason = "the streams are only asked what they are")]
    pub fn detect(choice: ColorChoice) -> Self {
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let unicode = is_utf8_locale(|name| env::var(name).ok());
        let color = |is_terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !dumb && !no_color,
        };
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let attended = std::io::stdin().is_terminal() && err;
        Self {
            out: Style { color: color(out), unicode },
            err: Style { color: color(err), unicode },
            attended,
            bars: err && !dumb,
            keys: attended && !dumb,
        }
    }
}

/// Returns whether the locale's characters are UTF-8: the first of the three that is not empty counts.
fn is_utf8_locale(read: impl Fn(&str) -> Option<String>) -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(read)
        .find(|value| !value.is_empty())
        .map(|value| value.to_ascii_lowercase())
        .is_some_and(|value| value.contains("utf-8") || value.contains("utf8"))
}

/// Shows the cursor again, in case something hid it.
pub fn show_cursor() {
    let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    let terminal = console::Term::stderr();
    if terminal.is_term() && !dumb {
        // The program is ending; a terminal that is gone has no cursor to show.
        let _ = terminal.show_cursor();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides_about_marks() {
        let utf8 = |all: &str, lang: &str| {
            is_utf8_locale(|name| match name {
                "LC_ALL" => Some(all.to_owned()),
                "LANG" => Some(lang.to_owned()),
                _ => None,
            })
        };
        assert!(utf8("C.UTF-8", ""));
        assert!(utf8("", "de_DE.utf8"));
        assert!(!utf8("C", "de_DE.utf8"));
        assert!(!utf8("", ""));
    }

    #[test]
    fn marks_without_colour_and_unicode_are_words() {
        let plain = Style::default();
        assert_eq!((plain.ok(), plain.no(), plain.bullet()), ("ok".into(), "NO".into(), "*"));
        let full = Style { color: true, unicode: true };
        assert_eq!(full.ok(), "\x1b[32m✓\x1b[0m");
    }
}
