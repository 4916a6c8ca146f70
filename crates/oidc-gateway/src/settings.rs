//! The issuers that people may sign in with, as the operator writes them down.

use std::path::Path;

use anyhow::{Context as _, ensure};
use secrecy::SecretString;
use url::{Host, Url};

/// Longest name of a provider.
const MAX_NAME: usize = 30;

/// One issuer, and what we are called there.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// What frontends call it, such as `google`.
    pub name: String,
    /// The issuer's identifier, to the letter: where it is discovered, and what its tokens say.
    pub url: String,
    /// What we are called there.
    pub client_id: String,
    /// How we prove that it is we; none where the issuer asks for none.
    pub secret: Option<SecretString>,
}

/// Reads `NAME=ISSUER CLIENT_ID SECRET`, separated by semicolons. A secret `@FILE` is the first line of a file; it may be
/// left out.
///
/// # Errors
/// A message that says which of them is wrong and what would be right. It never tells a secret.
pub fn issuers(text: &str) -> anyhow::Result<Vec<Issuer>> {
    let mut issuers: Vec<Issuer> = Vec::new();
    for (place, entry) in text
        .split(';')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .enumerate()
    {
        let issuer = read(entry).with_context(|| format!("VITRINE_OIDC_ISSUERS, entry {}", place + 1))?;
        let known = issuers.iter().any(|other| other.name == issuer.name);
        ensure!(!known, "VITRINE_OIDC_ISSUERS names \"{}\" twice", issuer.name);
        issuers.push(issuer);
    }
    Ok(issuers)
}

fn read(entry: &str) -> anyhow::Result<Issuer> {
    const FORM: &str = "write NAME=ISSUER CLIENT_ID SECRET, such as google=https://accounts.google.com 123.apps @/run/secrets/google";
    let (name, rest) = entry.split_once('=').context(FORM)?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    ensure!(
        !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(plain),
        "a name has 1 to {MAX_NAME} lower-case letters, digits and hyphens"
    );
    let mut parts = rest.split_whitespace();
    let (url, client_id) = (parts.next().context(FORM)?, parts.next().context(FORM)?);
    let secret = parts.next().map(secret).transpose()?;
    ensure!(parts.next().is_none(), FORM);
    Ok(Issuer {
        name: name.to_owned(),
        url: address(url)?,
        client_id: client_id.to_owned(),
        secret,
    })
}

/// Whoever reads along, or answers in the issuer's place, could be anybody: TLS is for all but this machine.
fn address(text: &str) -> anyhow::Result<String> {
    let url = Url::parse(text).context("the issuer is not an address")?;
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    ensure!(
        url.scheme() == "https" || (url.scheme() == "http" && here),
        "the issuer must start with https://"
    );
    ensure!(
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty(),
        "the issuer has neither a query nor a fragment nor a user"
    );
    Ok(text.to_owned())
}

fn secret(text: &str) -> anyhow::Result<SecretString> {
    let Some(file) = text.strip_prefix('@') else {
        return Ok(text.to_owned().into());
    };
    let kept = std::fs::read_to_string(Path::new(file)).with_context(|| format!("cannot read {file}"))?;
    let line = kept.lines().next().unwrap_or_default().trim();
    ensure!(!line.is_empty(), "{file} is empty");
    Ok(line.to_owned().into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn issuers_are_read_with_their_secrets() {
        let file = std::env::temp_dir().join("vitrine-oidc-settings-test");
        std::fs::write(&file, "kept\n").unwrap();
        let text = format!(
            "google=https://accounts.google.com 123.apps s3cret; corp=https://login.example.com/realms/a corp @{} ;local=http://127.0.0.1:9000 me",
            file.display()
        );
        let read = issuers(&text).unwrap();
        let told: Vec<_> = read
            .iter()
            .map(|issuer| {
                let secret = issuer
                    .secret
                    .as_ref()
                    .map(|secret| secret.expose_secret().to_owned());
                (
                    issuer.name.as_str(),
                    issuer.url.as_str(),
                    issuer.client_id.as_str(),
                    secret,
                )
            })
            .collect();
        let expected = [
            (
                "google",
                "https://accounts.google.com",
                "123.apps",
                Some("s3cret".to_owned()),
            ),
            (
                "corp",
                "https://login.example.com/realms/a",
                "corp",
                Some("kept".to_owned()),
            ),
            ("local", "http://127.0.0.1:9000", "me", None),
        ];
        assert_eq!(told, expected);
        assert!(issuers("").unwrap().is_empty());
    }

    #[test]
    fn what_is_malformed_is_told_without_its_secret() {
        for text in [
            "google",
            "google=https://accounts.google.com",
            "Google=https://accounts.google.com 123 hush",
            "=https://accounts.google.com 123 hush",
            "google=http://accounts.google.com 123 hush",
            "google=accounts.google.com 123 hush",
            "google=https://accounts.google.com?x 123 hush",
            "google=https://accounts.google.com 123 hush more",
            "google=https://accounts.google.com 123 @/nowhere/hush-hush",
            "a=https://a.example.com 1; a=https://b.example.com 2",
        ] {
            let error = format!("{:#}", issuers(text).expect_err(text));
            assert!(error.starts_with("VITRINE_OIDC_ISSUERS"), "{error}");
            assert!(!error.contains(" hush"), "{error}");
        }
    }
}
