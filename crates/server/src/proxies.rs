//! Where a request comes from: the other end of its connection, unless that is a proxy we trust. Then the client is who
//! the proxy says; of several proxies in a row each is asked only if the one after it is trusted.

use std::net::IpAddr;
use std::str::FromStr;

use anyhow::Context as _;
use axum::http::{HeaderMap, HeaderName};

/// Addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many bits are alike.
    prefix: u32,
}

impl FromStr for Network {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let wrong = || format!("{text} is neither an address nor a network such as 10.0.0.0/8");
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().with_context(wrong)?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(widest), str::parse).with_context(wrong)?;
        anyhow::ensure!(prefix <= widest, wrong());
        Ok(Self { address, prefix })
    }
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let differs = u32::from(ours) ^ u32::from(theirs);
                differs.leading_zeros() >= self.prefix
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let differs = u128::from(ours) ^ u128::from(theirs);
                differs.leading_zeros() >= self.prefix
            }
            _ => false,
        }
    }
}

/// The proxies whose word is taken, and the header in which they give it.
#[derive(Debug, Clone)]
pub struct Proxies {
    trusted: Vec<Network>,
    header: HeaderName,
}

impl Proxies {
    pub(crate) fn new(trusted: Vec<Network>, header: HeaderName) -> Self {
        Self { trusted, header }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.holds(address))
    }

    /// The client's address, when the connection's other end is `peer`. What nobody trusted has said is not read: each
    /// proxy adds the address it was called from at the end.
    pub(crate) fn client(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        let lines = headers.get_all(&self.header).iter().rev();
        let named = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.rsplit(','))
            .map(|entry| {
                if self.header == "forwarded" {
                    forwarded(entry)
                } else {
                    entry
                }
            });
        for entry in named {
            // What cannot be read hides who came before: the proxy that passed it on is the last we know.
            let Some(address) = parsed(entry) else {
                return client;
            };
            client = address;
            if !self.trusts(client) {
                return client;
            }
        }
        client
    }
}

/// What `for=` says in one element of the header `Forwarded` (RFC 7239).
fn forwarded(element: &str) -> &str {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut named = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    named.next().map_or("", |(_, value)| value)
}

/// An address, with or without a port, quotes or brackets.
fn parsed(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim().trim_matches('"');
    let address = match entry.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0.parse(),
        None => entry.parse().or_else(|_| {
            entry
                .split_once(':')
                .map_or(entry, |(address, _)| address)
                .parse()
        }),
    };
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], header: &str, lines: &[&str], peer: &str) -> String {
        let trusted = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let header: HeaderName = header.parse().unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header.clone(), line.parse().unwrap());
        }
        let proxies = Proxies::new(trusted, header);
        proxies.client(&headers, peer.parse().unwrap()).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let xff = "x-forwarded-for";
        for (trusted, lines, peer, expected) in [
            (&[][..], &["1.2.3.4"][..], "9.9.9.9", "9.9.9.9"),
            (&["10.0.0.0/8"], &["1.2.3.4"], "9.9.9.9", "9.9.9.9"),
            (&["10.0.0.0/8"], &["1.2.3.4"], "10.1.1.1", "1.2.3.4"),
            (&["10.0.0.0/8"], &["1.2.3.4"], "::ffff:10.1.1.1", "1.2.3.4"),
            (&["10.0.0.0/8"], &["8.8.8.8, 1.2.3.4"], "10.1.1.1", "1.2.3.4"),
            (
                &["10.0.0.0/8"],
                &["8.8.8.8", "1.2.3.4, 10.2.2.2"],
                "10.1.1.1",
                "1.2.3.4",
            ),
            (&["10.0.0.0/8"], &["1.2.3.4, nonsense"], "10.1.1.1", "10.1.1.1"),
            (&["10.0.0.0/8"], &[], "10.1.1.1", "10.1.1.1"),
            (&["10.0.0.0/8"], &["10.3.3.3"], "10.1.1.1", "10.3.3.3"),
            (&["10.1.1.1"], &["1.2.3.4:5678"], "10.1.1.1", "1.2.3.4"),
            (&["fd00::/8"], &["[2001:db8::1]:80"], "fd00::1", "2001:db8::1"),
        ] {
            assert_eq!(
                client(trusted, xff, lines, peer),
                expected,
                "{trusted:?} {lines:?} {peer}"
            );
        }
    }

    #[test]
    fn the_standard_header_is_read_too() {
        for (line, expected) in [
            ("for=1.2.3.4", "1.2.3.4"),
            ("For=\"[2001:db8::1]:4711\";proto=https", "2001:db8::1"),
            ("for=8.8.8.8, proto=http;for=1.2.3.4;by=10.0.0.1", "1.2.3.4"),
            ("for=unknown", "10.1.1.1"),
            ("for=_hidden", "10.1.1.1"),
            ("proto=https", "10.1.1.1"),
        ] {
            assert_eq!(
                client(&["10.0.0.0/8"], "forwarded", &[line], "10.1.1.1"),
                expected,
                "{line}"
            );
        }
    }

    #[test]
    fn networks_are_addresses_with_or_without_a_prefix() {
        for text in ["10.0.0.0/33", "10.0.0/8", "x", "::/129", "10.0.0.0/-1", ""] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(all.holds("1.2.3.4".parse().unwrap()));
        assert!(!all.holds("::1".parse().unwrap()));
    }
}
