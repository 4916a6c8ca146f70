//! Processes of the binary under test.

use std::cell::RefCell;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::support::{STRIPE_KEY, WEBHOOK_SECRET};

/// How long anything may take: other tests run beside.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where processes of one test work: a folder and a database.
pub(super) struct Place {
    folder: PathBuf,
    database: Option<String>,
}

/// What a process is told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Signal {
    Term,
    Interrupt,
}

impl Place {
    pub(super) fn new(folder: &Path, database: Option<String>) -> Self {
        Self {
            folder: folder.to_owned(),
            database,
        }
    }

    /// A file of the place.
    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// Writes a file of the place, all at once.
    pub(super) fn write(&self, file: &str, text: &str) {
        let draft = self.path(&format!("{file}.draft"));
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(draft, self.path(file)).unwrap();
    }

    /// The database of the place.
    pub(super) fn database_url(&self) -> String {
        let file = || format!("sqlite://{}", self.folder.join("data/vitrine.db").display());
        self.database.clone().unwrap_or_else(file)
    }

    /// The command with this environment and no other.
    fn command(&self, args: &[&str], env: &[(&str, &str)]) -> Command {
        // Like a disk that is full, a file that may not grow is an error to be told, not a reason to die.
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "trap '' XFSZ; exec \"$0\" \"$@\"",
                env!("CARGO_BIN_EXE_vitrine"),
            ])
            .args(args)
            .env_clear()
            .current_dir(&self.folder);
        command
            .env("VITRINE_ALLOW_UNSAFE_DATABASE", "true")
            // Clients that are told a token once keep it for as long as the clock goes.
            .env("VITRINE_ACCESS_MINUTES", "43200")
            .env("VITRINE_DATA_DIR", self.folder.join("data"))
            .env("VITRINE_LISTEN", "127.0.0.1:0");
        if let Some(database) = &self.database {
            command
                .env("DATABASE_URL", database)
                .env("VITRINE_SECRET_KEY", "0123456789abcdef0123456789abcdef");
        }
        command.envs(env.iter().copied());
        command
    }

    fn with_stripe(&self, args: &[&str], env: &[(&str, &str)]) -> Command {
        // Nobody is there: what is tested here asks Stripe nothing.
        let mut with = vec![
            ("STRIPE_BASE_URL", "http://127.0.0.1:1"),
            ("STRIPE_SECRET_KEY", STRIPE_KEY),
            ("STRIPE_WEBHOOK_SECRETS", WEBHOOK_SECRET),
        ];
        with.extend(env);
        self.command(args, &with)
    }

    /// Runs a command to its end.
    pub(super) fn run(&self, args: &[&str], env: &[(&str, &str)]) -> Output {
        self.with_stripe(args, env).output().unwrap()
    }

    /// Runs a command to its end, with nothing known of Stripe.
    pub(super) fn run_without_stripe(&self, args: &[&str]) -> Output {
        self.command(args, &[]).output().unwrap()
    }

    /// Starts a command that stays.
    pub(super) fn start(&self, args: &[&str], env: &[(&str, &str)]) -> Starting {
        let mut child = self
            .with_stripe(args, env)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pid = child.id();
        let (say, lines) = channel();
        let stderr = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            BufReader::new(stderr)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| say.send(line))
        });
        let (end, ended) = channel();
        std::thread::spawn(move || end.send(child.wait().unwrap()));
        Starting(Node {
            pid,
            address: String::new(),
            lines,
            log: RefCell::new(String::new()),
            ended,
            alive: RefCell::new(true),
        })
    }

    /// Starts a server and waits until it listens.
    pub(super) fn serve(&self, env: &[(&str, &str)]) -> Node {
        self.start(&["serve"], env).up()
    }
}

/// A process that was started and has not said yet that it is up.
pub(super) struct Starting(Node);

impl Starting {
    /// Waits until it listens.
    pub(super) fn up(mut self) -> Node {
        let line = self.0.wait_for("listening");
        let address = line.split("127.0.0.1:").nth(1).expect("an address");
        let port: String = address.chars().take_while(char::is_ascii_digit).collect();
        self.0.address = format!("127.0.0.1:{port}");
        self.0
    }

    /// Waits until it listens, or has died; then what it wrote.
    pub(super) fn up_or_dead(mut self) -> Result<Node, String> {
        loop {
            let Ok(line) = self.0.lines.recv_timeout(PATIENCE) else {
                return Err(self.0.remains());
            };
            self.0.log.borrow_mut().push_str(&format!("{line}\n"));
            if line.contains("listening") {
                let address = line.split("127.0.0.1:").nth(1).expect("an address");
                let port: String = address.chars().take_while(char::is_ascii_digit).collect();
                self.0.address = format!("127.0.0.1:{port}");
                return Ok(self.0);
            }
        }
    }

    /// Waits until it says `word`.
    pub(super) fn until(self, word: &str) -> Node {
        self.0.wait_for(word);
        self.0
    }
}

/// A process that is up. It is killed when the test fails.
pub(super) struct Node {
    pid: u32,
    pub(super) address: String,
    lines: Receiver<String>,
    log: RefCell<String>,
    ended: Receiver<ExitStatus>,
    alive: RefCell<bool>,
}

impl Node {
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits for a line of the log that holds `word`.
    pub(super) fn wait_for(&self, word: &str) -> String {
        loop {
            let line = self
                .lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("no {word}:\n{}", self.log.borrow()));
            self.log.borrow_mut().push_str(&format!("{line}\n"));
            if line.contains(word) {
                return line;
            }
        }
    }

    /// The process's number.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// What it has written so far.
    pub(super) fn said(&self) -> String {
        let mut log = self.log.borrow_mut();
        log.extend(self.lines.try_iter().map(|line| line + "\n"));
        log.clone()
    }

    pub(super) fn signal(&self, signal: Signal) {
        let name = match signal {
            Signal::Term => "-TERM",
            Signal::Interrupt => "-INT",
        };
        assert!(
            Command::new("kill")
                .arg(name)
                .arg(self.pid.to_string())
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits until the process has ended well; returns what it wrote.
    pub(super) fn ended(self) -> String {
        let status = self
            .ended
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("it does not end:\n{}", self.log.borrow()));
        self.alive.replace(false);
        let mut log = self.log.take();
        log.extend(self.lines.iter().map(|line| line + "\n"));
        assert!(status.success(), "{status}\n{log}");
        log
    }

    /// Whether the process has ended, whoever ended it.
    pub(super) fn has_died(&self) -> bool {
        if *self.alive.borrow() && self.ended.try_recv().is_ok() {
            self.alive.replace(false);
        }
        !*self.alive.borrow()
    }

    /// What a dead process wrote.
    pub(super) fn remains(self) -> String {
        let mut log = self.log.take();
        log.extend(self.lines.iter().map(|line| line + "\n"));
        if *self.alive.borrow() {
            let _ = self.ended.recv_timeout(PATIENCE);
            self.alive.replace(false);
        }
        log
    }

    /// Asks the process to stop and waits until it has; returns what it wrote.
    pub(super) fn stop(self, signal: Signal) -> String {
        self.signal(signal);
        self.ended()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if *self.alive.borrow() {
            let _ = Command::new("kill")
                .arg("-KILL")
                .arg(self.pid.to_string())
                .status();
        }
    }
}
