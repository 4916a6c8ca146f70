//! Letters as their readers see them.

use crate::support::App;

/// The letters to this address whose subject begins so, whole.
pub(crate) fn letters(app: &App, to: &str, subject: &str) -> Vec<String> {
    let (to, subject) = (format!("To: {to}"), format!("Subject: {subject}"));
    let whole = app
        .mails()
        .into_iter()
        .map(|mail| mail.replace("=\r\n", "").replace("=3D", "="));
    whole
        .filter(|mail| mail.contains(&to) && mail.contains(&subject))
        .collect()
}

/// The token that a letter's link carries.
pub(crate) fn token(letter: &str) -> String {
    let (_, token) = letter
        .split_once('#')
        .unwrap_or_else(|| panic!("no link: {letter}"));
    token.split_whitespace().next().unwrap().to_owned()
}
