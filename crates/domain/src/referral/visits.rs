//! What kind of visitor knocks: pure decisions over what a request says of itself.
//!
//! Counted is a GET by what looks like a person's browser. A prefetch is recorded but not counted: the browser may show
//! what it fetched without asking again, so the page must carry a click token. Bots and HEAD requests leave no trace at
//! all: link previews would otherwise outnumber people, and nobody buys after a HEAD.

use std::sync::LazyLock;

use isbot::Bots;

/// Longest part of a user agent that is looked at.
const MAX_AGENT: usize = 512;

/// One request for a link.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Where it comes from.
    pub address: std::net::IpAddr,
    /// What it calls itself.
    pub user_agent: Option<String>,
    /// The values of its `Sec-Purpose`, `Purpose`, `X-Purpose` and `X-Moz` headers.
    pub purposes: Vec<String>,
    /// Whether it asks for the headers only.
    pub head: bool,
}

/// What is done about a visit besides answering it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// It is recorded, and counted if it is the visitor's first within the hour.
    Count,
    /// It is recorded, and never counted.
    Record,
    /// It leaves no trace.
    Ignore,
}

/// Those that isbot's list of 2022 lacks or is too narrow about: messengers that fetch a preview, Meta's crawlers, AI
/// crawlers, and the usual libraries and tools.
const MORE_BOTS: &[&str] = &[
    "whatsapp",
    "meta-externalagent",
    "meta-externalfetcher",
    "meta-webindexer",
    "facebookexternalhit",
    "facebookcatalog",
    "slackbot",
    "slack-imgproxy",
    "telegrambot",
    "twitterbot",
    "discordbot",
    "linkedinbot",
    "pinterestbot",
    "skypeuripreview",
    "viber",
    "mastodon",
    "bluesky",
    "gptbot",
    "chatgpt-user",
    "oai-searchbot",
    "claudebot",
    "claude-user",
    "perplexitybot",
    "bytespider",
    "amazonbot",
    "applebot",
    "ccbot",
    "google-extended",
    "headlesschrome",
    "curl/",
    "wget/",
    "python-requests",
    "python-urllib",
    "aiohttp",
    "httpx",
    "go-http-client",
    "okhttp",
    "axios/",
    "node-fetch",
    "java/",
    "libwww-perl",
    "postmanruntime",
    "insomnia",
];

static BOTS: LazyLock<Bots> = LazyLock::new(|| {
    let mut bots = Bots::default();
    bots.append(MORE_BOTS);
    bots
});

/// What is done about a visit.
pub(crate) fn treatment(visit: &Visit) -> Treatment {
    if visit.head || is_bot(agent(visit)) {
        Treatment::Ignore
    } else if visit.purposes.iter().any(|purpose| is_prefetch(purpose)) {
        Treatment::Record
    } else {
        Treatment::Count
    }
}

/// What the visit calls itself, cut to what is looked at.
pub(crate) fn agent(visit: &Visit) -> &str {
    let agent = visit.user_agent.as_deref().unwrap_or_default().trim();
    &agent[..agent.floor_char_boundary(MAX_AGENT)]
}

/// A browser always says what it is.
fn is_bot(agent: &str) -> bool {
    agent.is_empty() || BOTS.is_bot(agent)
}

/// `prefetch`, `prefetch;prerender`, `preview`: what browsers write when nobody has asked to see the page yet
/// (<https://wicg.github.io/nav-speculation/prefetch.html#sec-purpose-header>).
fn is_prefetch(purpose: &str) -> bool {
    let purpose = purpose.to_ascii_lowercase();
    ["prefetch", "prerender", "preview"]
        .iter()
        .any(|word| purpose.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                          Version/19.1 Mobile/15E148 Safari/604.1";
    const INSTAGRAM: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
                             Gecko) Mobile/15E148 Instagram 361.0.0.35.82 (iPhone16,1; iOS 18_1; de_DE; de; scale=3.00)";

    fn visit(agent: &str) -> Visit {
        Visit {
            address: [127, 0, 0, 1].into(),
            user_agent: Some(agent.to_owned()),
            purposes: Vec::new(),
            head: false,
        }
    }

    #[test]
    fn people_count() {
        for agent in [FIREFOX, SAFARI, INSTAGRAM] {
            assert_eq!(treatment(&visit(agent)), Treatment::Count, "{agent}");
        }
    }

    #[test]
    fn bots_and_tools_leave_no_trace() {
        for agent in [
            "",
            "  ",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "WhatsApp/2.23.20.0",
            "WhatsApp/2.2413.51 W",
            "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "TelegramBot (like TwitterBot)",
            "curl/8.5.0",
        ] {
            assert_eq!(treatment(&visit(agent)), Treatment::Ignore, "{agent}");
        }
        let nameless = Visit {
            user_agent: None,
            ..visit("")
        };
        assert_eq!(treatment(&nameless), Treatment::Ignore);
    }

    #[test]
    fn head_leaves_no_trace_and_a_prefetch_is_not_counted() {
        let head = Visit {
            head: true,
            ..visit(FIREFOX)
        };
        assert_eq!(treatment(&head), Treatment::Ignore);
        for purpose in ["prefetch", "prefetch;prerender", "Preview"] {
            let early = Visit {
                purposes: vec![purpose.to_owned()],
                ..visit(FIREFOX)
            };
            assert_eq!(treatment(&early), Treatment::Record, "{purpose}");
        }
    }

    #[test]
    fn an_endless_agent_is_cut_between_characters() {
        let agent = "ä".repeat(5000);
        assert!(super::agent(&visit(&agent)).len() <= MAX_AGENT);
    }
}
