//! The story's voice: headings, lines, small tables, on standard output.

use std::io::Write;

/// Tells the story.
#[derive(Debug, Default)]
pub(super) struct Teller {
    act: usize,
}

impl Teller {
    /// Begins a new part.
    pub(super) fn act(&mut self, title: &str) -> anyhow::Result<()> {
        self.act += 1;
        say(&format!("\n{}. {title}", self.act))
    }

    /// Says one thing.
    pub(super) fn line(&mut self, text: impl AsRef<str>) -> anyhow::Result<()> {
        say(&format!("   {}", text.as_ref()))
    }

    /// Shows rows under a heading, columns aligned: the first to the left, the others to the right.
    pub(super) fn table(&mut self, heading: &[&str], rows: &[Vec<String>]) -> anyhow::Result<()> {
        let heading: Vec<String> = heading.iter().map(|cell| (*cell).to_owned()).collect();
        let all = || std::iter::once(&heading).chain(rows);
        let width = |column: usize| {
            all()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        for row in all() {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let pad = " ".repeat(width(column) - cell.chars().count());
                if column == 0 {
                    format!("{cell}{pad}")
                } else {
                    format!("{pad}{cell}")
                }
            });
            say(format!("     {}", cells.collect::<Vec<_>>().join("   ")).trim_end())?;
        }
        Ok(())
    }
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
