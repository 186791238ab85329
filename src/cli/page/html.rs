//! A writer of HTML and SVG in which nothing from outside can become markup.
//!
//! Tags, attribute names and the style sheet are texts of this program (`&'static str`). Everything else, attribute
//! values included, passes [`push_escaped`]; an element that is opened is closed.

use std::fmt::Display;

use crate::cli::output::escaped;

/// A page or a part of one, as it is written.
#[derive(Debug, Default)]
pub struct Html(String);

impl Html {
    /// Returns the text of the page.
    pub fn finish(self) -> String {
        self.0
    }

    /// Writes text of this program as it is: the document type and the style sheet.
    pub fn fixed(&mut self, text: &'static str) {
        self.0.push_str(text);
    }

    /// Writes text from outside.
    pub fn text(&mut self, text: impl Display) {
        push_escaped(&mut self.0, &escaped(text));
    }

    /// Writes text from outside that has lines of its own, for a `pre` element.
    pub fn lines(&mut self, text: &str) {
        for line in text.lines() {
            self.text(line.replace('\t', "    "));
            self.0.push('\n');
        }
    }

    /// Writes an element that holds text.
    pub fn element(
        &mut self,
        tag: &'static str,
        attributes: &[(&'static str, &str)],
        text: impl Display,
    ) {
        self.open(tag, attributes);
        self.text(text);
        self.close(tag);
    }

    /// Writes an element that holds what `inner` writes.
    pub fn within(
        &mut self,
        tag: &'static str,
        attributes: &[(&'static str, &str)],
        inner: impl FnOnce(&mut Self),
    ) {
        self.open(tag, attributes);
        inner(self);
        self.close(tag);
    }

    /// Writes an element of HTML that has no content, such as `meta`.
    pub fn void(&mut self, tag: &'static str, attributes: &[(&'static str, &str)]) {
        self.open(tag, attributes);
        self.0.push('\n');
    }

    fn open(&mut self, tag: &'static str, attributes: &[(&'static str, &str)]) {
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            push_escaped(&mut self.0, &escaped(value));
            self.0.push('"');
        }
        self.0.push('>');
    }

    fn close(&mut self, tag: &'static str) {
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
        if !matches!(tag, "a" | "b" | "code" | "span" | "tspan" | "strong") {
            self.0.push('\n');
        }
    }
}

/// Appends text in which nothing is markup, neither between tags nor in a quoted attribute value:
/// <https://html.spec.whatwg.org/multipage/syntax.html#syntax-charref>.
fn push_escaped(html: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            letter => html.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_from_outside_are_no_markup() {
        let hostile = "</td><script>alert('1')</script>\" onload=\"x&amp;\u{202e}\0\n";
        let mut html = Html::default();
        html.element("td", &[("title", hostile)], hostile);
        html.within("pre", &[], |html| html.lines("a < b;\n\t-- ]]><!--\u{1b}[2J"));
        let text = html.finish();
        let safe = "&lt;/td&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; \
                    onload=&quot;x&amp;amp;\\u{202e}\\u{0}\\n";
        let pre = "<pre>a &lt; b;\n    -- ]]&gt;&lt;!--\\u{1b}[2J\n</pre>\n";
        assert_eq!(text, format!("<td title=\"{safe}\">{safe}</td>\n{pre}"));
    }
}
