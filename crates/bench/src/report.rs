//! What was found, for people: a table on the terminal, Markdown with plots for the repository.

use std::fmt::Write as _;
use std::path::Path;

use chrono::Utc;

use crate::load::Sample;
use crate::options::Options;
use crate::plot::{self, Line};
use crate::{meter, say};

/// One case at one load, with what it is held against.
#[derive(Debug, Clone)]
pub struct Row {
    /// The case.
    pub case: String,
    /// On which database.
    pub database: &'static str,
    /// Connections at once.
    pub connections: u32,
    /// The product.
    pub ours: Sample,
    /// The yardsticks in the same run.
    pub against: Vec<(&'static str, Sample)>,
}

/// One line of the table of targets.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The case.
    pub case: String,
    /// What was measured, in words.
    pub measured: String,
    /// What it is held against, in words.
    pub yardstick: String,
    /// The relation of both, and what it is to be.
    pub ratio: String,
    /// Whether it is; nothing where there is only something to tell.
    pub reached: Option<bool>,
}

/// How long one thing takes, the more data there is.
#[derive(Debug, Clone)]
pub struct Growth {
    /// The case.
    pub case: &'static str,
    /// p50 in milliseconds at each scale.
    pub at: Vec<(f64, f64)>,
}

impl Growth {
    /// The largest growth from one scale to the next.
    pub fn worst(&self) -> f64 {
        let steps = self.at.windows(2).map(|pair| pair[1].1 / pair[0].1.max(1e-9));
        steps.fold(0.0, f64::max)
    }
}

/// Everything found so far.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases by load.
    pub rows: Vec<Row>,
    /// What came of the targets.
    pub verdicts: Vec<Verdict>,
    /// Cases by size of the data.
    pub growth: Vec<Growth>,
    /// What failed.
    pub failures: Vec<String>,
    /// Milliseconds to the first answer, and megabytes when idle.
    pub start: Option<(f64, f64)>,
    /// What else there is to tell.
    pub notes: Vec<String>,
}

/// The growth that is allowed for ten times the data.
pub const MOST_GROWTH: f64 = 1.5;

impl Report {
    /// Adds a row, and says it.
    pub fn row(&mut self, row: Row) {
        let ours = &row.ours;
        say(&format!(
            "   {:<22} {:>10} {:>4} connections: {:>8.0}/s  p50 {:>8.2} ms  p99 {:>8.2} ms  CPU {:>6.0} + {:>6.0} µs  {:>5.0} MB",
            row.case,
            row.database,
            row.connections,
            ours.rate,
            ours.p50,
            ours.p99,
            ours.cpu,
            ours.cpu_database,
            ours.memory
        ));
        for (name, sample) in &row.against {
            say(&format!(
                "      {name:<30} {:>8.0}/s  p50 {:>8.2} ms  p99 {:>8.2} ms  CPU {:>6.0} + {:>6.0} µs         ratio {:.3}",
                sample.rate,
                sample.p50,
                sample.p99,
                sample.cpu,
                sample.cpu_database,
                ours.rate / sample.rate
            ));
        }
        self.rows.push(row);
    }

    /// Adds what came of a target, and says it.
    pub fn verdict(
        &mut self,
        case: &str,
        measured: String,
        yardstick: String,
        ratio: String,
        reached: Option<bool>,
    ) {
        say(&format!(
            "   {case}: {measured}; {yardstick}; {ratio} {}",
            word(reached)
        ));
        self.verdicts.push(Verdict {
            case: case.to_owned(),
            measured,
            yardstick,
            ratio,
            reached,
        });
    }

    /// Holds the last row against a yardstick: so many times its rate at least.
    pub fn at_least(&mut self, case: &str, place: usize, target: f64) {
        let Some(row) = self.rows.last().cloned() else {
            return;
        };
        let Some((name, sample)) = row.against.get(place) else {
            return;
        };
        let ratio = row.ours.rate / sample.rate;
        self.verdict(
            case,
            format!(
                "{:.0}/s at {} connections on {}",
                row.ours.rate, row.connections, row.database
            ),
            format!("{name}: {:.0}/s", sample.rate),
            format!("{ratio:.2} ×, to reach ≥ {target} ×"),
            Some(ratio >= target),
        );
    }

    /// The Markdown.
    pub fn markdown(&self, options: &Options) -> String {
        let mut text = String::from(INTRODUCTION);
        let called = &options.called;
        let _ = write!(
            text,
            "\n| | |\n|---|---|\n| date | {} |\n| commit | {} |\n| command | `{called}` |\n| scale | {} |\n| machine | {}, load {:.1} at the end |\n",
            Utc::now().format("%Y-%m-%d %H:%M UTC"),
            options.commit,
            options.scale,
            meter::machine(),
            meter::load()
        );
        text += "\n## Targets\n\n| path | measured | yardstick in the same run | relation | |\n|---|---|---|---|---|\n";
        for Verdict {
            case,
            measured,
            yardstick,
            ratio,
            reached,
        } in &self.verdicts
        {
            let _ = writeln!(
                text,
                "| {case} | {measured} | {yardstick} | {ratio} | {} |",
                word(*reached)
            );
        }
        self.loads(&mut text);
        self.growths(&mut text);
        for (title, lines) in [
            ("Left out", &options.left_out),
            ("Failed", &self.failures),
            ("Notes", &self.notes),
        ] {
            if !lines.is_empty() {
                let _ = write!(text, "\n## {title}\n\n");
                for line in lines {
                    let _ = writeln!(text, "- {line}");
                }
            }
        }
        if let Some((start, idle)) = self.start {
            let _ = write!(text, "\n<!-- start {start:.0} ms, idle {idle:.0} MB -->\n");
        }
        text
    }

    fn loads(&self, text: &mut String) {
        if self.rows.is_empty() {
            return;
        }
        *text += "\n## By load\n\n![Latency against load](performance/load.svg)\n\n\
                  CPU is time per answer: of the process that answers, and of PostgreSQL.\n\n\
                  | case | connections | who | answers/s | p50 ms | p99 ms | CPU µs | PostgreSQL µs | MB | ratio |\n\
                  |---|--:|---|--:|--:|--:|--:|--:|--:|--:|\n";
        for Row {
            case,
            database,
            connections,
            ours,
            against,
        } in &self.rows
        {
            line(
                text,
                &format!("{case} | {connections} | **Vitrine, {database}**"),
                ours,
                String::new(),
            );
            for (name, sample) in against {
                line(
                    text,
                    &format!(" | | {name}"),
                    sample,
                    format!("{:.2} ×", ours.rate / sample.rate),
                );
            }
        }
    }

    fn growths(&self, text: &mut String) {
        if self.growth.is_empty() {
            return;
        }
        *text += "\n## By size of the data\n\n![Cost against data size](performance/size.svg)\n\n\
                  p50 in milliseconds, one at a time, on PostgreSQL.\n\n| case |";
        let scales: Vec<f64> = self.growth[0].at.iter().map(|at| at.0).collect();
        for scale in &scales {
            let _ = write!(text, " {scale} × |");
        }
        *text += " most growth per 10 × | |\n|---|";
        *text += &"--:|".repeat(scales.len());
        *text += "--:|---|\n";
        for growth in &self.growth {
            let _ = write!(text, "| {} |", growth.case);
            for (_, p50) in &growth.at {
                let _ = write!(text, " {p50:.2} |");
            }
            let worst = growth.worst();
            let _ = writeln!(text, " {worst:.2} × | {} |", word(Some(worst <= MOST_GROWTH)));
        }
    }

    /// Writes the Markdown, and the plots into a folder beside it.
    pub fn write(&self, options: &Options, file: &Path) -> anyhow::Result<()> {
        let folder = file.with_file_name("performance");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(file, self.markdown(options))?;
        let mut lines: Vec<Line> = Vec::new();
        for row in self.rows.iter().filter(|row| row.database == "PostgreSQL") {
            let (x, ms) = (f64::from(row.connections), row.ours.p50);
            match lines.iter_mut().find(|line| line.name == row.case) {
                Some(line) => line.points.push((x, ms)),
                None => lines.push(Line {
                    name: row.case.clone(),
                    points: vec![(x, ms)],
                }),
            }
        }
        if !lines.is_empty() {
            std::fs::write(
                folder.join("load.svg"),
                plot::svg("p50 in ms against connections", &lines),
            )?;
        }
        let lines: Vec<Line> = self
            .growth
            .iter()
            .map(|growth| Line {
                name: growth.case.to_owned(),
                points: growth.at.clone(),
            })
            .collect();
        if !lines.is_empty() {
            std::fs::write(
                folder.join("size.svg"),
                plot::svg("p50 in ms against the scale of the data", &lines),
            )?;
        }
        Ok(())
    }
}

/// What an earlier report tells of start and idle memory.
pub fn earlier(file: &Path) -> Option<(f64, f64)> {
    let text = std::fs::read_to_string(file).ok()?;
    let rest = text.split_once("<!-- start ")?.1;
    let (start, rest) = rest.split_once(" ms, idle ")?;
    Some((start.parse().ok()?, rest.split_once(" MB")?.0.parse().ok()?))
}

fn line(text: &mut String, words: &str, sample: &Sample, ratio: String) {
    let Sample {
        rate,
        p50,
        p99,
        cpu,
        cpu_database,
        memory,
    } = sample;
    let or_nothing = |value: &f64| {
        if *value > 0.0 {
            format!("{value:.0}")
        } else {
            String::new()
        }
    };
    let _ = writeln!(
        text,
        "| {words} | {rate:.0} | {p50:.2} | {p99:.2} | {} | {} | {} | {ratio} |",
        or_nothing(cpu),
        or_nothing(cpu_database),
        or_nothing(memory)
    );
}

fn word(reached: Option<bool>) -> &'static str {
    match reached {
        Some(true) => "reached",
        Some(false) => "**not reached**",
        None => "told",
    }
}

const INTRODUCTION: &str = "# How fast it is

Written by `scripts/bench`; do not edit. Every figure is to be read against its yardstick, which was driven in the same run on the same machine, in turns with
the product (A B A B): load generator, server and database share its cores. What is behind each case is told in
[the decision](decisions/0022-a-harness-of-its-own.md), and in `crates/bench`.
";
