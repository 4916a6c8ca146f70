//! Requests to addresses that people named: they go to the open internet only, whatever the addresses look like and
//! whatever their names resolve to, and no further than some bytes and seconds.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vitrine::outgoing::{LookUp, Messenger, Reach, is_public, machine_look_up};
use vitrine_domain::ports::{Answered, Courier, Delivery, Undelivered};

/// Addresses that are refused before any name is looked up.
const CLOSED: &[&str] = &[
    // Not HTTPS.
    "http://example.com/",
    "http://8.8.8.8/",
    // Carries a user.
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://example.com@127.0.0.1/",
    "https://8.8.8.8%2f@127.0.0.1/",
    // This machine, however it is written.
    "https://localhost/",
    "https://LOCALHOST./",
    "https://api.localhost/",
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/x",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.255.255.254/",
    "https://%31%32%37.0.0.1/",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://0.0.0.0/",
    "https://0/",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:0:127.0.0.1]/",
    // Private networks.
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.0.1/",
    "https://[::ffff:192.168.0.1]/",
    "https://[fc00::1]/",
    "https://[fd12:3456:789a::1]/",
    "https://[fec0::1]/",
    // This link, and where clouds tell their secrets.
    "https://169.254.169.254/latest/meta-data/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[fe80::1]/",
    "https://[fd00:ec2::254]/",
    "https://metadata.google.internal/",
    "https://100.100.100.200/",
    "https://192.0.0.192/",
    // Translations and tunnels.
    "https://100.64.0.1/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:c0a8:1::1]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://192.88.99.1/",
    // Documentation, benchmarks, multicast, reserved.
    "https://192.0.2.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://198.18.0.1/",
    "https://198.19.255.255/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://[ff02::1]/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[100::1]/",
    "https://[5f00::1]/",
    // Names that never lead out.
    "https://intranet/",
    "https://printer.local/",
    "https://db.internal/",
    "https://router.home.arpa/",
    "https://hidden.onion/",
    "https://a.test/",
    "https://a.invalid/",
    "https://localhost.localdomain/",
];

/// Addresses that are let through.
const OPEN: &[&str] = &[
    "https://example.com/",
    "https://example.com:8443/hooks?brand=1#x",
    "https://münchen.example/",
    "https://8.8.8.8/",
    "https://172.15.255.255/",
    "https://172.32.0.1/",
    "https://100.63.255.255/",
    "https://100.128.0.1/",
    "https://169.253.255.255/",
    "https://[2606:4700:4700::1111]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[64:ff9b::808:808]/",
    "https://notlocalhost.com/",
    "https://internal.example.com/",
];

fn to(url: &str) -> Delivery {
    Delivery {
        url: url.parse().unwrap(),
        headers: vec![("webhook-id", "msg_1".to_owned())],
        body: "{}".to_owned(),
    }
}

/// Everywhere, and not for long.
fn everywhere(timeout: Duration) -> Reach {
    Reach {
        timeout,
        ..Reach::EVERYWHERE
    }
}

fn deliver(messenger: &Messenger, url: &str) -> Result<Answered, Undelivered> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(messenger.deliver(to(url)))
}

fn messenger(reach: Reach, look_up: LookUp) -> Messenger {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Messenger::new(reach, look_up).unwrap()
}

/// Answers with these addresses, first the first, then the second, and the last from then on.
fn names(answers: Vec<Vec<IpAddr>>, asked: Arc<AtomicUsize>) -> LookUp {
    Arc::new(move |_| {
        let turn = asked.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let found = answers[turn].iter().map(|ip| SocketAddr::new(*ip, 0)).collect();
        Box::pin(async move { Ok(found) })
    })
}

/// A server that answers each connection with these bytes, then goes on with `after`, and what was asked of it.
fn server(answer: Vec<u8>, after: fn(&mut TcpStream)) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            told.lock().unwrap().push(request);
            // Whoever has heard enough closes the connection.
            if stream.write_all(&answer).is_ok() {
                after(&mut stream);
            }
        }
    });
    (url, asked)
}

#[test]
fn s13_addresses_that_lead_nowhere_public_are_refused_before_anything_is_asked() {
    let asked = Arc::new(AtomicUsize::new(0));
    let messenger = messenger(Reach::PUBLIC, names(vec![vec![]], asked.clone()));
    assert!(CLOSED.len() >= 60, "{}", CLOSED.len());
    for text in CLOSED {
        // What is no web address at all never becomes an endpoint's.
        let Ok(url) = text.parse() else { continue };
        assert!(messenger.admits(&url).is_err(), "{text} was admitted");
        assert!(deliver(&messenger, text).is_err(), "{text} was delivered to");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0, "a name was looked up");
    for text in OPEN {
        assert_eq!(messenger.admits(&text.parse().unwrap()), Ok(()), "{text}");
    }
}

#[test]
fn s13_a_name_that_leads_to_private_addresses_only_leads_nowhere() {
    let closed = CLOSED.iter().filter_map(|text| url::Url::parse(text).ok());
    let closed: Vec<IpAddr> = closed
        .filter_map(|url| match url.host()? {
            url::Host::Ipv4(ip) => Some(ip.into()),
            url::Host::Ipv6(ip) => Some(ip.into()),
            url::Host::Domain(_) => None,
        })
        .filter(|ip| !is_public(*ip))
        .collect();
    assert!(closed.len() > 40, "{}", closed.len());
    for address in closed {
        let asked = Arc::new(AtomicUsize::new(0));
        let messenger = messenger(Reach::PUBLIC, names(vec![vec![address]], asked.clone()));
        let trouble = deliver(&messenger, "https://evil.example.com/").unwrap_err();
        assert!(
            trouble.why.contains("no public address"),
            "{address}: {}",
            trouble.why
        );
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{address}");
    }
}

#[test]
fn s13_a_name_that_nobody_knows_is_told_like_one_that_leads_nowhere_public() {
    let unknown: LookUp = Arc::new(|_| Box::pin(async { Err(std::io::Error::other("name not known")) }));
    let private = names(vec![vec!["10.0.0.1".parse().unwrap()]], Arc::default());
    let none = names(vec![vec![]], Arc::default());
    let told: Vec<String> = [unknown, private, none]
        .map(|look_up| {
            deliver(&messenger(Reach::PUBLIC, look_up), "https://db.corp.example.com/")
                .unwrap_err()
                .why
        })
        .to_vec();
    assert_eq!(told[0], told[1]);
    assert_eq!(told[1], told[2]);
}

#[test]
fn s13_a_name_that_changes_its_mind_is_not_followed_to_this_machine() {
    let (url, heard) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec(), |_| ());
    let port = url::Url::parse(&url).unwrap().port().unwrap();
    let (public, here): (IpAddr, IpAddr) = ("192.31.195.1".parse().unwrap(), "127.0.0.1".parse().unwrap());
    assert!(is_public(public));
    let asked = Arc::new(AtomicUsize::new(0));
    let reach = Reach {
        private: false,
        ..everywhere(Duration::from_millis(300))
    };
    // Whoever looked the name up to judge it, and again to connect, would end at this machine.
    let answers = vec![vec![public], vec![here], vec![public, here], vec![here]];
    let messenger = messenger(reach, names(answers, asked.clone()));
    let target = format!("http://evil.example.com:{port}/");
    for look in 1..=4 {
        assert!(deliver(&messenger, &target).is_err());
        assert_eq!(asked.load(Ordering::SeqCst), look, "one look for each delivery");
    }
    assert_eq!(heard.lock().unwrap().len(), 0);
    // The same name, were private addresses allowed, does lead here.
    let allowed = Messenger::new(everywhere(Duration::from_secs(5)), names(vec![vec![here]], asked)).unwrap();
    assert_eq!(deliver(&allowed, &target).unwrap().status, 200);
    assert_eq!(heard.lock().unwrap().len(), 1);
}

#[test]
fn s13_nobody_is_followed_elsewhere() {
    let (inside, reached) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec(), |_| ());
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary",
        "308 Permanent",
    ] {
        let answer = format!("HTTP/1.1 {status}\r\nlocation: {inside}\r\ncontent-length: 0\r\n\r\n");
        let (url, asked) = server(answer.into_bytes(), |_| ());
        let messenger = messenger(everywhere(Duration::from_secs(5)), machine_look_up());
        let answered = deliver(&messenger, &url).unwrap();
        assert_eq!(answered.status.to_string(), status[..3]);
        assert_eq!(asked.lock().unwrap().len(), 1);
    }
    assert_eq!(reached.lock().unwrap().len(), 0, "the redirect was followed");
}

#[test]
fn s13_of_an_endless_answer_a_kibibyte_is_read() {
    let endless = |stream: &mut TcpStream| while stream.write_all(&[b'x'; 64 << 10]).is_ok() {};
    let (url, _) = server(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), endless);
    let messenger = messenger(everywhere(Duration::from_secs(10)), machine_look_up());
    let answered = deliver(&messenger, &url).unwrap();
    assert_eq!((answered.status, answered.beginning.len()), (200, 1024));
}

#[test]
fn s13_a_compressed_answer_is_not_unpacked() {
    let mut answer =
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 20\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec();
    answer.extend_from_slice(&[7; 10]);
    let (url, asked) = server(answer, |_| ());
    let messenger = messenger(everywhere(Duration::from_secs(5)), machine_look_up());
    let answered = deliver(&messenger, &url).unwrap();
    assert_eq!(answered.beginning.len(), 20, "as it came");
    assert!(answered.beginning.starts_with(&[0x1f, 0x8b]));
    let request = asked.lock().unwrap()[0].to_lowercase();
    assert!(!request.contains("accept-encoding"), "{request}");
    assert!(request.starts_with("post / http/1.1\r\n") && request.contains("content-type: application/json"));
    assert!(request.contains("webhook-id: msg_1"), "{request}");
}

#[test]
fn s13_nobody_is_waited_for_longer_than_the_time_out() {
    let silent = |stream: &mut TcpStream| {
        let mut nothing = [0];
        // Until the other side hangs up.
        let _ = stream.read(&mut nothing);
    };
    let dribbling = |stream: &mut TcpStream| {
        while stream.write_all(b"x-more: of it\r\n").is_ok() {
            std::thread::yield_now();
        }
    };
    let (silent, _) = server(Vec::new(), silent);
    let (dribbling, _) = server(b"HTTP/1.1 200 OK\r\n".to_vec(), dribbling);
    let messenger = messenger(everywhere(Duration::from_millis(300)), machine_look_up());
    let trouble = deliver(&messenger, &silent).unwrap_err();
    assert!(
        trouble.timed_out && trouble.why.contains("no answer within"),
        "{trouble:?}"
    );
    assert!(deliver(&messenger, &dribbling).is_err(), "headers without end");
}
