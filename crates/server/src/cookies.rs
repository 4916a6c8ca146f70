//! The cookies that keep a browser's session, and which requests that bring them are heard.
//!
//! No script reads them (`HttpOnly`), no other host of the domain sets them (`__Host-`), and other sites' pages cannot have
//! them sent but by leading there (`SameSite=Lax`). The last of these is not relied on: a request that brings a cookie of
//! ours is heard only when its browser says that it comes from a page of ours or of a configured frontend.
//!
//! On plain HTTP on this machine, as in development, browsers take no `__Host-` cookies: there they are called without
//! that prefix, and are not `Secure`.

use axum::http::{HeaderMap, HeaderValue, header};
use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};
use vitrine_domain::settings::Settings;
use vitrine_graphql::CookieChange;
use vitrine_model::Time;

use crate::boot::Vitrine;

/// The cookie that carries the access token, and the one that carries the refresh token.
const NAMES: [&str; 2] = ["__Host-vitrine-access", "__Host-vitrine-refresh"];
/// What they are called on plain HTTP on this machine.
const PLAIN_NAMES: [&str; 2] = ["vitrine-access", "vitrine-refresh"];
/// Longest token that is looked at.
const MAX_TOKEN: usize = 200;

/// The tokens that a request brought as cookies.
pub(crate) struct Brought {
    pub(crate) access: Option<SecretString>,
    pub(crate) refresh: Option<SecretString>,
}

/// What a request brings as cookies.
pub(crate) fn brought(settings: &Settings, headers: &HeaderMap) -> Brought {
    let [access, refresh] = names(settings).map(|name| {
        let value = pairs(headers).find(|(key, _)| *key == name)?.1;
        (1..=MAX_TOKEN)
            .contains(&value.len())
            .then(|| SecretString::from(value))
    });
    Brought { access, refresh }
}

/// The cookies of a request by name (<https://www.rfc-editor.org/rfc/rfc6265#section-4.2.1>). Tokens need no quoting. Others'
/// cookies may hold anything.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let all = headers.get_all(header::COOKIE).iter();
    all.flat_map(|cookies| cookies.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| std::str::from_utf8(pair).ok())
        .filter_map(|pair| pair.trim().split_once('='))
}

/// Whether a browser made the request from a page of ours, or of a frontend that the operator named. A browser that says
/// nothing of where it comes from, and whoever is no browser, did not.
pub(crate) fn comes_from_us(app: &Vitrine, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    match text("origin") {
        Some(origin) => is_ours(app, origin) || is_own(&app.platform.settings, origin),
        // Browsers leave the origin out when they read from where the page itself came from.
        None => text("sec-fetch-site") == Some("same-origin"),
    }
}

/// Whether pages of this origin may call: the configured frontends, and in development all on this machine.
pub(crate) fn is_ours(app: &Vitrine, origin: &str) -> bool {
    let local = ["http://localhost:", "http://127.0.0.1:"];
    let local = app.development && local.iter().any(|prefix| origin.starts_with(prefix));
    local
        || app
            .platform
            .settings
            .return_origins
            .iter()
            .any(|known| known == origin)
}

fn is_own(settings: &Settings, origin: &str) -> bool {
    Url::parse(&settings.public_url).is_ok_and(|url| url.origin().ascii_serialization() == origin)
}

/// Writes what is to become of the cookies into a response.
pub(crate) fn write(settings: &Settings, change: &CookieChange, now: Time, headers: &mut HeaderMap) {
    let cookies = match change {
        CookieChange::Keep { access, refresh } => {
            [access, refresh].map(|(token, until)| (token.expose_secret(), *until - now))
        }
        CookieChange::Forget => [("", TimeDelta::zero()); 2],
    };
    for (name, (value, age)) in names(settings).into_iter().zip(cookies) {
        append(settings, name, value, age, headers);
    }
}

fn append(settings: &Settings, name: &str, value: &str, age: TimeDelta, headers: &mut HeaderMap) {
    let (secure, age) = (
        if is_plain(settings) { "" } else { "; Secure" },
        age.num_seconds().max(0),
    );
    let cookie = format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
    // Tokens and names are plain ASCII, so that this is always a header's value.
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        headers.append(header::SET_COOKIE, cookie);
    }
}

fn names(settings: &Settings) -> [&'static str; 2] {
    if is_plain(settings) { PLAIN_NAMES } else { NAMES }
}

/// Whether browsers reach this server by plain HTTP on this very machine.
fn is_plain(settings: &Settings) -> bool {
    let Ok(url) = Url::parse(&settings.public_url) else {
        return false;
    };
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && local
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn settings(public_url: &str) -> Settings {
        let config = Config {
            public_url: Some(public_url.to_owned()),
            secret_key: Some("0123456789abcdef0123456789abcdef".to_owned().into()),
            ..Config::quiet_default()
        };
        config.settings(config.listen).unwrap()
    }

    #[test]
    fn cookies_are_of_this_host_and_secure_but_in_development() {
        for (url, names, secure) in [
            ("https://api.example.com", NAMES, true),
            ("https://localhost:4000", NAMES, true),
            ("http://api.example.com", NAMES, true),
            ("http://192.168.1.2:4000", NAMES, true),
            ("http://localhost:4000", PLAIN_NAMES, false),
            ("http://127.0.0.1:4000", PLAIN_NAMES, false),
            ("http://[::1]:4000", PLAIN_NAMES, false),
        ] {
            let mut headers = HeaderMap::new();
            write(
                &settings(url),
                &CookieChange::Forget,
                Time::UNIX_EPOCH,
                &mut headers,
            );
            let set: Vec<&str> = headers
                .get_all(header::SET_COOKIE)
                .iter()
                .map(|cookie| cookie.to_str().unwrap())
                .collect();
            for (cookie, name) in set.iter().zip(names) {
                assert!(
                    cookie.starts_with(&format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")),
                    "{url} {cookie}"
                );
                assert_eq!(cookie.ends_with("; Secure"), secure, "{url} {cookie}");
            }
        }
    }

    #[test]
    fn cookies_are_read_among_others() {
        let read = |cookies: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(header::COOKIE, HeaderValue::from_static(cookie));
            }
            let brought = brought(&settings("https://api.example.com"), &headers);
            [brought.access, brought.refresh].map(|token| token.map(|token| token.expose_secret().to_owned()))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read(&[]), [None, None]);
        assert_eq!(
            read(&["a=b; __Host-vitrine-access=vs_1;__Host-vitrine-refresh=vr_2; c"]),
            [some("vs_1"), some("vr_2")]
        );
        assert_eq!(
            read(&["__Host-vitrine-refresh=vr_2", "__Host-vitrine-access=vs_1"]),
            [some("vs_1"), some("vr_2")]
        );
        assert_eq!(
            read(&["vitrine-access=vs_1; x__Host-vitrine-access=vs_1; __Host-vitrine-access="]),
            [None, None]
        );
    }
}
