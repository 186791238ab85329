//! A schema as an SVG picture: tables as boxes, foreign keys as lines from the child to the parent.
//!
//! Parents stand left of their children, so that lines lead from left edges to right edges. Widths are computed from
//! the number of cells of a monospaced font, so that no text leaves its box.

use console::{measure_text_width, truncate_str};

use super::html::Html;
use super::schemas::{ColumnBox, KeyLine, Mark, Side, TableBox};
use crate::cli::output::escaped;
use crate::cli::screens::counted;

/// The width of a cell of the widest usual monospaced font at 12 px.
const CELL: usize = 8;
const ROW: usize = 20;
const HEAD: usize = 26;
const PAD: usize = 10;
/// The room between two ranks, for the lines, and between two boxes of a rank.
const GAP: (usize, usize) = (56, 22);
/// Names and types longer than this many cells are cut.
const LONGEST: usize = 34;
/// A rank with more rows than this goes on beside itself.
const TALLEST: usize = 44;

/// Where a box stands.
#[derive(Debug, Clone, Copy, Default)]
struct BoxArea {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

/// Draws one side of a diagram. The label says what it shows.
pub fn draw(html: &mut Html, side: &Side, label: &str) {
    let (places, size) = layout(side);
    let (width, height) = (size.0.to_string(), size.1.to_string());
    let view = format!("0 0 {width} {height}");
    // Where the page is narrow, the picture shrinks as far as it can be read, and then scrolls.
    let style = format!("width:100%;max-width:{width}px;min-width:{}px", size.0 * 3 / 4);
    let attributes = [
        ("class", "schema"),
        ("role", "img"),
        ("aria-label", label),
        ("viewBox", view.as_str()),
        ("style", style.as_str()),
    ];
    html.within("svg", &attributes, |html| {
        for key in &side.keys {
            line(html, key, (places[key.from.0], places[key.to.0]), side);
        }
        for (table, place) in side.tables.iter().zip(&places) {
            table_box(html, table, *place);
        }
    });
}

/// Places the boxes: each table right of the tables that its foreign keys name.
fn layout(side: &Side) -> (Vec<BoxArea>, (usize, usize)) {
    let ranks = ranks(side);
    let mut places = vec![BoxArea::default(); side.tables.len()];
    let (mut x, mut bottom) = (1, 0);
    let last = ranks.iter().copied().max().unwrap_or_default();
    for rank in 0..=last {
        let mut members: Vec<usize> =
            (0..side.tables.len()).filter(|at| ranks[*at] == rank).collect();
        // Near the parents, so that fewer lines cross.
        members.sort_by_key(|at| mean_of_parents(side, &places, *at));
        let (mut y, mut rows, mut width) = (1, 0, 0);
        for at in members {
            let table = &side.tables[at];
            let count = lines_of(table);
            if rows > 0 && rows + count > TALLEST {
                x += width + GAP.0;
                (y, rows, width) = (1, 0, 0);
            }
            let height = HEAD + count * ROW + if count > 0 { 6 } else { 0 };
            places[at] = BoxArea { x, y, width: width_of(table), height };
            width = width.max(places[at].width);
            y += height + GAP.1;
            rows += count + 2;
            bottom = bottom.max(y);
        }
        x += width + GAP.0;
    }
    // A key of a table to itself or to a later rank bulges out to the right.
    let right = x.saturating_sub(GAP.0) + 40;
    (places, (right, bottom.saturating_sub(GAP.1) + 2))
}

/// The rank of each table: one more than that of the highest parent; circles are cut. Tables without a key come last.
fn ranks(side: &Side) -> Vec<usize> {
    let count = side.tables.len();
    let mut ranks = vec![0; count];
    for _ in 0..count.min(12) {
        let mut moved = false;
        for key in side.keys.iter().filter(|key| key.from.0 != key.to.0) {
            let wanted = ranks[key.to.0] + 1;
            if ranks[key.from.0] < wanted && wanted < count.min(12) {
                ranks[key.from.0] = wanted;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    for (at, rank) in ranks.iter_mut().enumerate() {
        if !side.keys.iter().any(|key| key.from.0 == at || key.to.0 == at) {
            *rank = count;
        }
    }
    let mut used: Vec<usize> = ranks.clone();
    used.sort_unstable();
    used.dedup();
    ranks.iter().map(|rank| used.iter().position(|it| it == rank).unwrap_or_default()).collect()
}

fn mean_of_parents(side: &Side, places: &[BoxArea], table: usize) -> usize {
    let parents: Vec<usize> = side
        .keys
        .iter()
        .filter(|key| key.from.0 == table && key.to.0 != table)
        .map(|key| places[key.to.0].y)
        .collect();
    match parents.len() {
        0 => usize::MAX,
        count => parents.iter().sum::<usize>() / count,
    }
}

fn lines_of(table: &TableBox) -> usize {
    table.columns.len() + usize::from(table.more > 0)
}

fn cut(text: &str) -> String {
    truncate_str(&escaped(text), LONGEST, "…").into_owned()
}

/// The cells of the four parts of the rows: role, name, type and mark.
fn cells(table: &TableBox) -> [usize; 4] {
    let widest = |of: &dyn Fn(&ColumnBox) -> String| {
        table.columns.iter().map(|it| measure_text_width(&of(it))).max().unwrap_or_default()
    };
    [
        if table.columns.iter().any(|it| !it.role.is_empty()) { 3 } else { 0 },
        widest(&|it| cut(&it.name)) + 2,
        widest(&|it| cut(&it.declared)),
        widest(&|it| cut(it.mark.words())),
    ]
}

fn width_of(table: &TableBox) -> usize {
    let [role, name, declared, mark] = cells(table);
    let rows = role + name + declared + if mark > 0 { mark + 2 } else { 0 };
    let mark = measure_text_width(&cut(table.mark.words()));
    let head = measure_text_width(&cut(&table.name)) + if mark > 0 { mark + 2 } else { 0 };
    rows.max(head).max(12) * CELL + 2 * PAD
}

fn table_box(html: &mut Html, table: &TableBox, place: BoxArea) {
    html.within("g", &[("class", table.mark.class())], |html| {
        html.element("title", &[], &table.name);
        rect(html, "box", place);
        rect(html, "head", BoxArea { height: HEAD, ..place });
        let baseline = place.y + 17;
        text(html, "name", (place.x + PAD, baseline), &cut(&table.name));
        right(html, (place.x + place.width - PAD, baseline), &cut(table.mark.words()));
    });
    let [role, name, ..] = cells(table);
    for (at, column) in table.columns.iter().enumerate() {
        let y = place.y + HEAD + 3 + at * ROW;
        let (x, baseline) = (place.x + PAD, y + 14);
        html.within("g", &[("class", column.mark.class())], |html| {
            if column.mark != Mark::Same {
                let (x, width) = (place.x + 1, place.width - 2);
                rect(html, "row", BoxArea { x, y, width, height: ROW });
            }
            text(html, "role", (x, baseline), column.role);
            let x = x + role * CELL;
            text(html, "column", (x, baseline), &cut(&column.name));
            text(html, "type", (x + name * CELL, baseline), &cut(&column.declared));
            right(html, (place.x + place.width - PAD, baseline), &cut(column.mark.words()));
        });
    }
    if table.more > 0 {
        let y = place.y + HEAD + 3 + table.columns.len() * ROW + 14;
        let more = counted(table.more, "more column", "more columns");
        text(html, "type", (place.x + PAD, y), &format!("… {more}"));
    }
}

fn rect(html: &mut Html, class: &str, place: BoxArea) {
    let (x, y) = (place.x.to_string(), place.y.to_string());
    let (width, height) = (place.width.to_string(), place.height.to_string());
    let radius = if class == "row" { "0" } else { "5" };
    let attributes = [
        ("class", class),
        ("x", x.as_str()),
        ("y", y.as_str()),
        ("width", width.as_str()),
        ("height", height.as_str()),
        ("rx", radius),
    ];
    html.element("rect", &attributes, "");
}

fn text(html: &mut Html, class: &str, (x, y): (usize, usize), words: &str) {
    if !words.is_empty() {
        let (x, y) = (x.to_string(), y.to_string());
        html.element("text", &[("class", class), ("x", &x), ("y", &y)], words);
    }
}

/// Writes a mark, which ends at a place.
fn right(html: &mut Html, (x, y): (usize, usize), words: &str) {
    if !words.is_empty() {
        let (x, y) = (x.to_string(), y.to_string());
        let attributes = [("class", "mark"), ("x", &x), ("y", &y), ("text-anchor", "end")];
        html.element("text", &attributes, words);
    }
}

/// Draws a foreign key from the column of the child to the column of the parent.
fn line(html: &mut Html, key: &KeyLine, (child, parent): (BoxArea, BoxArea), side: &Side) {
    let middle = |place: BoxArea, row: Option<usize>| match row {
        Some(row) => place.y + HEAD + 3 + row * ROW + ROW / 2,
        None => place.y + HEAD / 2,
    };
    let (from, to) = (middle(child, key.from.1), middle(parent, key.to.1));
    let end = parent.x + parent.width;
    let path = match child.x >= end {
        true => {
            let bend = (child.x - end) / 2;
            let (left, right) = (child.x - bend, end + bend);
            format!("M{} {from} C{left} {from} {right} {to} {end} {to}", child.x)
        }
        false => {
            let start = child.x + child.width;
            let out = start.max(end) + 36;
            format!("M{start} {from} C{out} {from} {out} {to} {end} {to}")
        }
    };
    let (child, parent) = (&side.tables[key.from.0].name, &side.tables[key.to.0].name);
    html.within("g", &[("class", "key")], |html| {
        html.element("title", &[], format!("{child} references {parent}"));
        html.element("path", &[("d", &path)], "");
        let (x, y) = (end.to_string(), to.to_string());
        html.element("circle", &[("cx", &x), ("cy", &y), ("r", "3.5")], "");
    });
}
