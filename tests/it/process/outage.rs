//! The database fails: PostgreSQL is stopped in mid-commit and started again, SQLite finds its disk full. What was being
//! done is not half done, the server says what is wrong, and goes on by itself when the database does.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use super::crash::World;
use super::node::{Node, Place};

/// A PostgreSQL server of one's own.
struct Cluster {
    bin: PathBuf,
    data: PathBuf,
    port: u16,
    as_postgres: bool,
}

impl Cluster {
    /// A new cluster in `folder`, not started; `None` where no PostgreSQL is installed.
    fn new(folder: &Path) -> Option<Self> {
        let bin = binaries()?;
        let root = String::from_utf8(Command::new("id").arg("-u").output().unwrap().stdout)
            .unwrap()
            .trim()
            == "0";
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let home = folder.join("postgres");
        std::fs::create_dir(&home).unwrap();
        if root {
            // initdb refuses to run as root, and its user must be able to reach the folder.
            assert!(
                Command::new("chown")
                    .arg("postgres")
                    .arg(&home)
                    .status()
                    .unwrap()
                    .success()
            );
            assert!(
                Command::new("chmod")
                    .arg("755")
                    .arg(folder)
                    .status()
                    .unwrap()
                    .success()
            );
        }
        let cluster = Self {
            bin,
            data: home.join("data"),
            port,
            as_postgres: root,
        };
        let made = cluster.run(
            "initdb",
            &["-U", "vitrine", "-A", "trust", "-E", "UTF8", "--locale=C"],
        );
        assert!(made, "initdb failed");
        Some(cluster)
    }

    fn run(&self, program: &str, args: &[&str]) -> bool {
        let program = self.bin.join(program);
        let mut command = if self.as_postgres {
            let mut command = Command::new("su");
            command.args(["postgres", "-s", "/bin/sh", "-c", "exec \"$0\" \"$@\"", "--"]);
            command.arg(program);
            command
        } else {
            Command::new(program)
        };
        command.arg("-D").arg(&self.data).args(args).current_dir("/");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    }

    fn start(&self, settings: &str) {
        let log = self.data.with_file_name("log");
        let options = format!("-p {} -k '' -c listen_addresses=127.0.0.1 {settings}", self.port);
        assert!(
            self.run(
                "pg_ctl",
                &["-l", &log.to_string_lossy(), "-w", "-o", &options, "start"]
            ),
            "{settings}"
        );
    }

    /// As when the machine loses its power, as far as a process can tell.
    fn stop_at_once(&self) {
        self.run("pg_ctl", &["-m", "immediate", "-w", "stop"]);
    }

    fn url(&self) -> String {
        format!("postgres://vitrine@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop_at_once();
    }
}

fn binaries() -> Option<PathBuf> {
    let found = Command::new("sh")
        .args(["-c", "command -v initdb || ls /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb | sort -V | tail -n 1"])
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let path = String::from_utf8(found.stdout).unwrap();
    Path::new(path.trim())
        .parent()
        .filter(|folder| folder.join("pg_ctl").exists())
        .map(Path::to_owned)
}

fn run(test: impl AsyncFnOnce(&Path)) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(test(folder.path()));
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests must know")]
fn skipped() {
    eprintln!("skipped: no PostgreSQL is installed here, only reached");
}

/// Calls `weather` again and again on a thread of its own while `world` lives through its story, but not for ever: on a
/// machine so busy that nothing is done between two strokes the story goes on when the storm is over.
async fn storm(world: &mut World<'_>, strokes: u32, weather: impl Fn() + Send + 'static) {
    let furniture = world.furnish().await;
    world.stormy = true;
    let over = Arc::new(AtomicBool::new(false));
    let until = over.clone();
    let thread = std::thread::spawn(move || {
        let mut times = 0;
        while times < strokes && !until.load(Ordering::Relaxed) {
            weather();
            times += 1;
        }
        times
    });
    world.live(&furniture).await;
    over.store(true, Ordering::Relaxed);
    let times = thread.join().unwrap();
    assert!(times > 2, "it hardly stormed: {times}");
    world.settle().await;
    world.is_sound().await;
}

#[test]
fn postgres_stopped_in_mid_commit_and_started_again_loses_and_doubles_nothing() {
    run(async |folder| {
        let Some(cluster) = Cluster::new(folder) else {
            skipped();
            return;
        };
        cluster.start("");
        let cluster = Arc::new(cluster);
        let place = Place::new(folder, Some(cluster.url()));
        let mut world = World::new(&place).await;
        let striking = cluster.clone();
        let strike = move || {
            std::thread::sleep(Duration::from_millis(2500));
            striking.stop_at_once();
            striking.start("");
        };
        storm(&mut world, 8, strike).await;
        world.end().await;
    });
}

#[test]
fn a_postgres_that_may_forget_what_is_committed_is_refused_unless_allowed() {
    run(async |folder| {
        let Some(cluster) = Cluster::new(folder) else {
            skipped();
            return;
        };
        let place = Place::new(folder, Some(cluster.url()));
        for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
            cluster.start(&format!("-c {setting}=off"));
            for command in ["serve", "worker", "migrate"] {
                let refused = place.run(&[command], &[("VITRINE_ALLOW_UNSAFE_DATABASE", "false")]);
                let said = String::from_utf8_lossy(&refused.stderr).into_owned();
                assert!(!refused.status.success(), "{command}");
                assert!(
                    said.contains(&format!("{setting} is off")) && said.contains("--allow-unsafe-database"),
                    "{said}"
                );
            }
            let allowed = place.run(&["migrate", "--allow-unsafe-database"], &[]);
            assert!(
                allowed.status.success(),
                "{}",
                String::from_utf8_lossy(&allowed.stderr)
            );
            cluster.stop_at_once();
        }
        cluster.start("");
        let safe = place.run(&["migrate"], &[("VITRINE_ALLOW_UNSAFE_DATABASE", "false")]);
        assert!(safe.status.success(), "{}", String::from_utf8_lossy(&safe.stderr));
    });
}

/// How far files of the process may grow, in bytes, or as far as they like.
fn limit(pid: u32, size: &str) {
    let done = Command::new("prlimit")
        .args([format!("--pid={pid}"), format!("--fsize={size}:")])
        .status();
    assert!(done.unwrap().success());
}

#[test]
fn a_full_disk_under_sqlite_is_told_and_leaves_nothing_half_done() {
    run(async |folder| {
        let place = Place::new(folder, None);
        let mut world = World::new(&place).await;
        let node = world.node.as_ref().unwrap();
        let pid = node.pid();
        limit(pid, "4096");
        let open = r#"mutation { accountCreate(input: { email: "a@example.com", name: "A", password: "correct horse battery" }) { account { id } } }"#;
        let answer = send(node, open).await;
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], "INTERNAL",
            "{answer:#}"
        );
        assert_eq!(
            send(node, "{ shops(first: 1) { nodes { id } } }").await["data"],
            json!({ "shops": { "nodes": [] } }),
            "what is there can be read"
        );
        let said = node.said();
        assert!(
            said.contains("disk I/O error") || said.contains("disk is full"),
            "{said}"
        );
        let audit = place.run(&["audit"], &[]);
        assert!(
            audit.status.success(),
            "{}",
            String::from_utf8_lossy(&audit.stdout)
        );
        limit(pid, "unlimited");
        assert!(
            send(node, open).await["data"]["accountCreate"]["account"]["id"].is_string(),
            "once there is room again"
        );
        let weather = move || {
            limit(pid, "4096");
            std::thread::sleep(Duration::from_millis(200));
            limit(pid, "unlimited");
            std::thread::sleep(Duration::from_millis(300));
        };
        storm(&mut world, 40, weather).await;
        world.end().await;
    });
}

async fn send(node: &Node, query: &str) -> serde_json::Value {
    super::ask(&node.url(), query).await
}
