//! What people call themselves, where a letter repeats it to an address that nobody has proved: whoever opens an account, or
//! invites, may have typed a stranger's address, and have our mail carry a link of his own there as a name.

/// `name`, or `otherwise` where it holds what a mail program would make a link of.
pub(super) fn shown<'a>(name: &'a str, otherwise: &'a str) -> &'a str {
    if holds_address(name) { otherwise } else { name }
}

/// Whether a name holds an address of the web, or a word like a domain's.
pub(super) fn holds_address(name: &str) -> bool {
    let name = name.to_lowercase();
    name.contains("://") || name.contains("www.") || name.split_whitespace().any(is_like_domain)
}

/// Whether a word has a dot, of whichever script, between a letter or digit and two letters.
fn is_like_domain(word: &str) -> bool {
    let parts: Vec<&str> = word.split(['.', '。', '．', '｡', '․']).collect();
    parts.windows(2).any(|pair| {
        let before = pair[0].chars().next_back().is_some_and(char::is_alphanumeric);
        let mut after = pair[1].chars();
        before
            && after.next().is_some_and(char::is_alphabetic)
            && after.next().is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_wherever_it_stands_in_a_name() {
        for odd in [
            "Win a prize at https://evil.example",
            "visit www.evil",
            "evil.com",
            "EVIL.COM/login",
            "(evil.com)",
            "a@evil.com",
            "evil。com",
            "xn--80ak6aa92e.com",
            "evil.xn--p1ai",
        ] {
            assert!(holds_address(odd), "{odd}");
        }
    }

    #[test]
    fn what_people_are_called_is_none() {
        for name in [
            "Anna",
            "Dr. Anna Müller",
            "J. R. R. Tolkien",
            "A.B. Tea & Co.",
            "Åsa-Lena",
            "No. 5",
            "3.5 mm",
            "tea/coffee",
            "",
        ] {
            assert!(!holds_address(name), "{name}");
        }
    }
}
