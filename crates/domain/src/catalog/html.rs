//! Descriptions in HTML, made harmless.
//!
//! A parser of HTML pays for each tag with a walk up the elements that are open, for each attribute with a look at those
//! before it, and repeats formatting that was left open wherever text follows. So what is parsed is made regular first, in
//! one pass whose time and memory are linear in the text: only tags that may stay are kept, each element is closed in the
//! reverse order of opening, and how deep they nest and how many attributes one has is limited. Markup that is regular
//! already passes as it is.

use std::collections::HashSet;
use std::sync::LazyLock;

/// How deep elements may nest.
pub const MAX_DEPTH: usize = 100;
/// Most attributes of one element.
pub const MAX_ATTRIBUTES: usize = 100;

/// Why a text is not taken for a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Tangled {
    /// Elements stand in one another too deep.
    #[error("HTML may be nested {MAX_DEPTH} levels deep at most")]
    TooDeep,
    /// An element has too many attributes.
    #[error("an HTML element may have {MAX_ATTRIBUTES} attributes at most")]
    TooManyAttributes,
}

/// Most character references of a piece of text.
const REFERENCES: usize = 64;

/// The tags that may stay.
static TAGS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| ammonia::Builder::default().clone_tags());
/// Those that have nothing within them.
const VOID: &[&str] = &["area", "br", "col", "hr", "img", "wbr"];
/// What a table is made of.
const TABLE_PARTS: &[&str] = &["caption", "col", "colgroup", "tbody", "td", "th", "thead", "tr"];
/// Where of those no text belongs, only further parts.
const TABLE_FRAME: &[&str] = &["table", "colgroup", "tbody", "thead", "tr"];
/// What runs within a line, and so within a paragraph.
const INLINE: &[&str] = &[
    "a", "abbr", "acronym", "area", "b", "bdi", "bdo", "br", "cite", "code", "data", "del", "dfn", "em", "i",
    "img", "ins", "kbd", "map", "mark", "q", "rp", "rt", "rtc", "ruby", "s", "samp", "small", "span",
    "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
];

/// Takes everything out of `html` that is not harmless markup; plain text, the most of what there is, passes as it is.
///
/// # Errors
/// When it is nested too deep, or an element has too many attributes.
pub fn sanitise(html: &str) -> Result<String, Tangled> {
    if !html.contains(['<', '>', '&', '\u{a0}', '\r']) {
        return Ok(html.to_owned());
    }
    Ok(ammonia::clean(&Regular::of(html)?.text))
}

/// Markup made regular.
#[derive(Debug, Default)]
struct Regular<'a> {
    text: String,
    /// The elements open here, the outermost first, by the names as they are known.
    open: Vec<&'static str>,
    /// How many were open at once at most.
    deepest: usize,
    /// How many character references there were.
    references: usize,
    rest: &'a str,
}

/// A tag as it stands in the text.
struct Tag {
    /// Its name, if it may stay.
    known: Option<&'static str>,
    /// What it hides until its end.
    hides: Option<&'static str>,
    attributes: usize,
    /// Its bytes, the angle brackets among them.
    len: usize,
}

impl<'a> Regular<'a> {
    fn of(html: &'a str) -> Result<Self, Tangled> {
        let mut regular = Self {
            text: String::with_capacity(html.len()),
            rest: html,
            ..Self::default()
        };
        while let Some(at) = regular.rest.find('<') {
            regular.keep_text(at);
            regular.mark()?;
        }
        regular.keep_text(regular.rest.len());
        regular.close_from(0);
        Ok(regular)
    }

    /// Keeps the next bytes as they are.
    fn keep(&mut self, len: usize) {
        let (kept, rest) = self.rest.split_at(len);
        self.text.push_str(kept);
        self.rest = rest;
    }

    /// The same of text. A parser copies what it has of a text at each character reference: comments, which do not stay, cut
    /// it into pieces.
    fn keep_text(&mut self, len: usize) {
        let (kept, rest) = self.rest.split_at(len);
        let mut from = 0;
        for (at, _) in kept.match_indices('&') {
            self.text.push_str(&kept[from..at]);
            self.refer();
            from = at;
        }
        self.text.push_str(&kept[from..]);
        self.rest = rest;
    }

    /// Makes way for a character reference.
    fn refer(&mut self) {
        self.references += 1;
        if self.references.is_multiple_of(REFERENCES) {
            self.text.push_str("<!---->");
        }
    }

    fn skip(&mut self, len: usize) {
        self.rest = self.rest.get(len..).unwrap_or_default();
    }

    /// Goes behind the next `end`, or to the end of the text.
    fn skip_behind(&mut self, end: &str) {
        let found = self.rest.find(end);
        self.skip(found.map_or(self.rest.len(), |at| at + end.len()));
    }

    /// Reads what begins with the angle bracket at hand.
    fn mark(&mut self) -> Result<(), Tangled> {
        let mut next = self.rest.bytes().skip(1);
        match (next.next(), next.next()) {
            (Some(letter), _) if letter.is_ascii_alphabetic() => return self.start(),
            (Some(b'/'), Some(letter)) if letter.is_ascii_alphabetic() => self.end(),
            (Some(b'!'), _) if ["<!-->", "<!--->"].iter().any(|mark| self.rest.starts_with(mark)) => {
                self.skip_behind(">");
            }
            (Some(b'!'), _) if self.rest.starts_with("<!--") => self.skip_behind("-->"),
            (Some(b'!' | b'?'), _) | (Some(b'/'), Some(_)) => self.skip_behind(">"),
            _ => {
                self.refer();
                self.text.push_str("&lt;");
                self.skip(1);
            }
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(), Tangled> {
        let Some(tag) = Tag::at(self.rest, 1) else {
            self.rest = "";
            return Ok(());
        };
        if tag.attributes > MAX_ATTRIBUTES {
            return Err(Tangled::TooManyAttributes);
        }
        if let Some(name) = tag.hides {
            self.skip(tag.len);
            self.skip_hidden(name);
            return Ok(());
        }
        let Some(name) = tag.known else {
            self.skip(tag.len);
            return Ok(());
        };
        self.make_way(name);
        let frame = self.open.last().is_some_and(|top| TABLE_FRAME.contains(top));
        if frame && !TABLE_PARTS.contains(&name) {
            // It would be put before the table, and what it opens repeated there for every text.
            self.skip(tag.len);
            return Ok(());
        }
        self.keep(tag.len);
        if VOID.contains(&name) {
            return Ok(());
        }
        self.open.push(name);
        self.deepest = self.deepest.max(self.open.len());
        if self.open.len() > MAX_DEPTH {
            return Err(Tangled::TooDeep);
        }
        Ok(())
    }

    /// Goes behind the end of an element whose content is no text of the document.
    fn skip_hidden(&mut self, name: &str) {
        while let Some(at) = self.rest.find("</") {
            self.skip(at + 2);
            let bytes = self.rest.as_bytes();
            if bytes.len() >= name.len() && bytes[..name.len()].eq_ignore_ascii_case(name.as_bytes()) {
                return self.skip_behind(">");
            }
        }
        self.rest = "";
    }

    fn end(&mut self) {
        let Some(tag) = Tag::at(self.rest, 2) else {
            self.rest = "";
            return;
        };
        self.skip(tag.len);
        // One that is not open has no end; and nothing within a cell ends what is around its table.
        let open = tag.known.and_then(|name| {
            let barriers: &[&str] = if TABLE_PARTS.contains(&name) {
                &["table"]
            } else {
                CELLS
            };
            self.nearest(&[name], if name == "table" { &[] } else { barriers })
        });
        if let Some(place) = open {
            self.close_from(place);
        }
    }

    /// Closes what the start of `name` ends without saying so.
    fn make_way(&mut self, name: &str) {
        let (ended, barriers): (&[&str], &[&str]) = match name {
            "a" => (&["a"], CELLS),
            "li" => (&["li"], &["ul", "ol", "td", "th", "caption", "table"]),
            "dd" | "dt" => (&["dd", "dt"], &["dl", "td", "th", "caption", "table"]),
            "rt" | "rp" | "rtc" => (&["rt", "rp"], &["ruby", "td", "th", "caption", "table"]),
            "td" | "th" => (&["td", "th", "caption", "colgroup"], &["table"]),
            "tr" => (&["tr", "caption", "colgroup"], &["table"]),
            "tbody" | "thead" | "caption" | "colgroup" => {
                (&["tbody", "thead", "caption", "colgroup"], &["table"])
            }
            _ => (&[], CELLS),
        };
        if let Some(place) = self.nearest(ended, barriers) {
            self.close_from(place);
        }
        if !INLINE.contains(&name)
            && let Some(place) = self.nearest(&["p"], CELLS)
        {
            self.close_from(place);
        }
    }

    /// The place of the innermost open element of these names, if none of the barriers stands within it.
    fn nearest(&self, names: &[&str], barriers: &[&str]) -> Option<usize> {
        let place = self
            .open
            .iter()
            .rposition(|open| names.contains(open) || barriers.contains(open))?;
        names.contains(&self.open[place]).then_some(place)
    }

    fn close_from(&mut self, place: usize) {
        for name in self.open.drain(place..).rev() {
            self.text.push_str("</");
            self.text.push_str(name);
            self.text.push('>');
        }
    }
}

/// Where the reach of what stands around a table ends.
const CELLS: &[&str] = &["td", "th", "caption", "table"];

impl Tag {
    /// The tag that `text` begins with, whose name begins at `from`; absent when it never ends. Follows the tokenizer of the
    /// HTML standard (<https://html.spec.whatwg.org/multipage/parsing.html#tag-name-state>).
    fn at(text: &str, from: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
        let name_end = from + bytes.get(from..)?.iter().position(ends)?;
        let name = text.get(from..name_end)?;
        // No name that is known is longer.
        let name = if name.len() <= 16 {
            name.to_ascii_lowercase()
        } else {
            String::new()
        };
        let mut tag = Self {
            known: TAGS.get(name.as_str()).copied(),
            hides: ["script", "style"].into_iter().find(|hides| *hides == name),
            attributes: 0,
            len: name_end,
        };
        loop {
            let between = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'/';
            tag.len += bytes.get(tag.len..)?.iter().position(|byte| !between(byte))?;
            if bytes[tag.len] == b'>' {
                tag.len += 1;
                return Some(tag);
            }
            tag.attributes += 1;
            tag.len = attribute_end(bytes, tag.len)?;
        }
    }
}

/// Where the attribute ends that begins at `at`; absent when it never does.
fn attribute_end(bytes: &[u8], at: usize) -> Option<usize> {
    let from = |at: usize, wanted: &dyn Fn(&u8) -> bool| Some(at + bytes.get(at..)?.iter().position(wanted)?);
    // An equals sign that a name begins with belongs to it.
    let name_end = from(at + 1, &|byte| {
        byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'=')
    })?;
    let equals = from(name_end, &|byte| !byte.is_ascii_whitespace())?;
    if bytes[equals] != b'=' {
        return Some(name_end);
    }
    let value = from(equals + 1, &|byte| !byte.is_ascii_whitespace())?;
    match bytes[value] {
        b'>' => Some(value),
        quote @ (b'"' | b'\'') => Some(from(value + 1, &|byte| *byte == quote)? + 1),
        _ => from(value, &|byte| byte.is_ascii_whitespace() || *byte == b'>'),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How deep the elements of what a parser wrote nest: it closes each.
    fn depth(clean: &str) -> usize {
        let (mut depth, mut deepest) = (0_usize, 0);
        for part in clean.split('<').skip(1) {
            let name = part.split([' ', '>']).next().unwrap_or_default();
            if name.starts_with('/') {
                depth -= 1;
            } else if !VOID.contains(&name) {
                depth += 1;
                deepest = deepest.max(depth);
            }
        }
        deepest
    }

    #[test]
    fn scripts_are_lost_and_markup_is_kept() {
        for (html, clean) in [
            ("<p onclick=x>a<script>b</script></p>", "<p>a</p>"),
            ("plain", "plain"),
            ("<P>a<BR>b</P>", "<p>a<br>b</p>"),
            ("<p>a<p>b", "<p>a</p><p>b</p>"),
            (
                "<ul><li>a<li>b<ul><li>c</ul></ul>",
                "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>",
            ),
            ("1 < 2 & 3 <3 > 0", "1 &lt; 2 &amp; 3 &lt;3 &gt; 0"),
            ("a<!-- <b> -->b<!-->c<!DOCTYPE html>d<?php x ?>e", "abcde"),
            (
                "<img alt=\"a > b\" title='<i>'>",
                "<img alt=\"a > b\" title=\"<i>\">",
            ),
            ("<b><i>x</b>y</i>", "<b><i>x</i></b>y"),
            ("<STYLE>p > a { }</style x>a<svg><path d=1></svg>b<b", "ab"),
            (
                "</p><table><tr><td>x<td>y</table>z",
                "<table><tbody><tr><td>x</td><td>y</td></tr></tbody></table>z",
            ),
        ] {
            assert_eq!(
                sanitise(html)
                    .unwrap()
                    .replace("&gt; b", "> b")
                    .replace("&lt;i&gt;", "<i>"),
                clean
            );
        }
    }

    #[test]
    fn what_nests_too_deep_is_refused_however_it_is_written() {
        let deep = |tags: &str, count: usize| sanitise(&tags.repeat(count));
        for tags in [
            "<div>",
            "<DIV class='>'>",
            "<b x=1>",
            "<div\n/>",
            "<!--</div>--><div>",
            "<table><tr><td>",
        ] {
            assert_eq!(deep(tags, MAX_DEPTH + 1), Err(Tangled::TooDeep), "{tags}");
        }
        for tags in [
            "<p>",
            "<br>",
            "<li>",
            "<img>",
            "<a href=x>",
            "<div></div>",
            "<unknown>",
            "<td>",
            "</p>",
        ] {
            assert!(deep(tags, 5_000).is_ok(), "{tags}");
        }
        assert!(deep("<div>", MAX_DEPTH).is_ok());
    }

    #[test]
    fn an_element_has_so_many_attributes_and_no_more() {
        let with = |count: usize| {
            sanitise(&format!(
                "<b{}>x</b>",
                " a=\">\" b='>' c=> d".replace("c=> ", "").repeat(count / 3)
            ))
        };
        assert!(with(99).is_ok());
        assert_eq!(with(150), Err(Tangled::TooManyAttributes));
    }

    /// Tags and pieces of tags; underlines stand for spaces.
    const PIECES: &str = "<p> </p> <b> <b_title=1> </b> <b_title='>'> <i> </i> <a_href=x> <a_href=y> </a> <div> </div> <DIV_> \
        <table> </table> <tr> </tr> <td> </td> <th> <caption> </caption> <tbody> </tbody> <thead> <colgroup> <col> \
        </colgroup> <li> </li> <ul> </ul> <dl> <dt> <dd> </dl> <h1> </h1> <h2> <pre> <hr> <br> </br> x _ < & \" ' > = \
        <!-- --> --!> <!x </_ <svg> </svg> <math> <textarea> </textarea> <title> <select> <option> <template> </template> \
        <script> </script> <style> </style> <plaintext> <form> <button> <font> <![CDATA[ ]]> <body> <html> <iframe> <ruby> \
        <rt> <span> </span> <img_src= <b_a_b=c/d_e=' <small> <code> &amp; &lt &#0;";

    /// Markup of all kinds, most of it wrong.
    fn soup() -> impl Strategy<Value = String> {
        let pieces: Vec<&str> = PIECES.split_whitespace().collect();
        let pieces = prop::collection::vec(prop::sample::select(pieces), 0..300);
        pieces.prop_map(|pieces| pieces.concat().replace('_', " "))
    }

    /// Markup as editors write it.
    fn regular() -> impl Strategy<Value = String> {
        let line = prop::sample::select(vec!["x", "1 > 0", "&amp;", "<br>", "<img src=\"a>b\">"])
            .prop_map(str::to_owned);
        let line = line.prop_recursive(4, 16, 3, |line| {
            let names = prop::sample::select(vec!["b", "em", "span", "code", "sub"]);
            (names, prop::collection::vec(line, 0..3))
                .prop_map(|(name, within)| format!("<{name}>{}</{name}>", within.concat()))
        });
        let paragraph = line.prop_map(|line| format!("<p>{line}</p>"));
        paragraph.prop_recursive(5, 24, 3, |block| {
            let frames = prop::sample::select(vec![
                ("<div class='a>b'>", "</div>"),
                ("<ul><li>", "</li></ul>"),
                ("<dl><dt>t</dt><dd>", "</dd></dl>"),
                ("<table><tbody><tr><th>h</th><td>", "</td></tr></tbody></table>"),
                ("<blockquote>", "</blockquote><hr>"),
            ]);
            (frames, prop::collection::vec(block, 0..3))
                .prop_map(|((start, end), within)| format!("{start}{}{end}", within.concat()))
        })
    }

    proptest! {
        #[test]
        fn what_is_parsed_is_no_deeper_and_no_longer_than_was_counted(html in soup()) {
            let Ok(regular) = Regular::of(&html) else { return Ok(()) };
            let clean = ammonia::clean(&regular.text);
            // A table's row may lack its section, and its cell the row.
            prop_assert!(depth(&clean) <= 3 * regular.deepest, "{} → {}", regular.text, clean);
            let tags = |text: &str| text.matches('<').count();
            prop_assert!(tags(&clean) <= 4 * tags(&regular.text), "{} → {}", regular.text, clean);
        }

        #[test]
        fn what_is_regular_is_parsed_as_it_stands(html in regular()) {
            prop_assert_eq!(&Regular::of(&html).unwrap().text, &html);
        }
    }
}
