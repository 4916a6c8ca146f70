//! Searching by words, the same on both databases: what is looked through is written in one form, and each database looks
//! it up by its own index.

use std::fmt;
use std::str::FromStr;

use sea_orm::DbBackend;
use sea_orm::sea_query::Expr;
use unicode_normalization::UnicodeNormalization;

/// Most characters of a search.
pub const MAX_SEARCH: usize = 200;
/// Most words of a search that are looked for; the first.
const MAX_WORDS: usize = 12;
/// The longest text the index takes of one object, in bytes.
const MAX_TEXT: usize = 20_000;
/// The longest word of it, in characters.
const MAX_WORD: usize = 64;

/// What is searched for: words that must all occur, or begin a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search(Vec<String>);

/// The search has more than [`MAX_SEARCH`] characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchTooLong;

impl fmt::Display for SearchTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a search has {MAX_SEARCH} characters at most")
    }
}

impl FromStr for Search {
    type Err = SearchTooLong;

    fn from_str(text: &str) -> Result<Self, SearchTooLong> {
        if text.chars().count() > MAX_SEARCH {
            return Err(SearchTooLong);
        }
        Ok(Self(words(text).take(MAX_WORDS).collect()))
    }
}

/// What searching looks through: the words of all the texts, in lower case and without accents, a space between each two.
pub(crate) fn text<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for word in texts.into_iter().flat_map(words) {
        if text.len() + word.len() >= MAX_TEXT {
            break;
        }
        text.push_str(&word);
        text.push(' ');
    }
    text.truncate(text.trim_end().len());
    text
}

impl Search {
    /// Whether all its words occur in a row of the table `<what>_text`, by the index over it. Without a word in it, it
    /// finds nothing.
    pub(crate) fn matches(&self, backend: DbBackend, what: &str) -> Expr {
        // Words hold letters and digits only, so that neither query language sees anything but words in them.
        let all = |quoted: fn(&String) -> String, and: &str| -> String {
            self.0.iter().map(quoted).collect::<Vec<_>>().join(and)
        };
        if self.0.is_empty() {
            Expr::val(false)
        } else if backend == DbBackend::Postgres {
            Expr::cust_with_values(
                "to_tsvector('simple', search_text) @@ to_tsquery('simple', $1)",
                [all(|word| format!("{word}:*"), " & ")],
            )
        } else {
            Expr::cust_with_values(
                format!("{what}_text.id in (select rowid from {what}_search where {what}_search match ?)"),
                [all(|word| format!("\"{word}\"*"), " ")],
            )
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let text: String = folded(text).collect();
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    let cut = words.map(|word| word.chars().take(MAX_WORD).collect());
    cut.collect::<Vec<String>>().into_iter()
}

/// Lower case, without accents: the same letters for both databases, whatever each would make of them by itself.
fn folded(text: &str) -> impl Iterator<Item = char> {
    let accent = |c: &char| ('\u{300}'..='\u{36f}').contains(c);
    let plain = text.nfkd().filter(move |c| !accent(c)).nfc();
    plain.flat_map(char::to_lowercase).flat_map(|c| {
        // Letters that Unicode does not take apart, as people without them on the keyboard write them.
        let spelt: &[char] = match c {
            'ß' => &['s', 's'],
            'æ' => &['a', 'e'],
            'œ' => &['o', 'e'],
            'ø' => &['o'],
            'ł' => &['l'],
            'đ' | 'ð' => &['d'],
            'þ' => &['t', 'h'],
            'ı' => &['i'],
            _ => &[],
        };
        let itself = spelt.is_empty().then_some(c);
        itself.into_iter().chain(spelt.iter().copied())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sought(search: &str) -> Vec<String> {
        search.parse::<Search>().unwrap().0
    }

    #[test]
    fn searching_goes_by_words_in_lower_case() {
        assert_eq!(text(["Blue-Shirt", "SKU: AB_12"]), "blue shirt sku ab 12");
        assert_eq!(sought("  \"blue\" OR (shirt)* "), ["blue", "or", "shirt"]);
        assert!(text([&*"wort ".repeat(10_000)]).len() < MAX_TEXT);
        assert_eq!(sought(&"a ".repeat(100)).len(), MAX_WORDS);
        assert_eq!("a".repeat(201).parse::<Search>(), Err(SearchTooLong));
    }

    #[test]
    fn searching_goes_without_accents() {
        let written = "Café Crème, Größe Übergröße, Smørrebrød, Łódź, Æbleskiver, ﬁn, が";
        let found = "cafe creme grosse ubergrosse smorrebrod lodz aebleskiver fin が";
        assert_eq!(text([written]), found);
        let apart: String = written.nfd().collect();
        assert_eq!(text([&*apart]), found, "however the letters are put together");
        assert_eq!(sought("CAFÉ groesse"), ["cafe", "groesse"]);
    }
}
