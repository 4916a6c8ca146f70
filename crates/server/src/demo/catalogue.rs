//! What the demo's brands sell: the built-in catalogue, or files of one's own.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

/// Most brands a demo takes.
pub(super) const MAX_BRANDS: usize = 10;

/// One brand and its product file.
pub(super) struct Catalogue {
    pub(super) name: String,
    pub(super) handle: String,
    pub(super) source: Source,
}

/// Where the file is.
pub(super) enum Source {
    BuiltIn(&'static [u8]),
    File(PathBuf),
}

/// The built-in brands, or one brand per file.
pub(super) fn read(files: &[PathBuf]) -> anyhow::Result<Vec<Catalogue>> {
    ensure!(
        files.len() <= MAX_BRANDS,
        "the demo takes {MAX_BRANDS} catalogues at most"
    );
    if files.is_empty() {
        return Ok(built_in());
    }
    files
        .iter()
        .enumerate()
        .map(|(place, file)| of_file(place, file))
        .collect()
}

fn of_file(place: usize, file: &Path) -> anyhow::Result<Catalogue> {
    ensure!(file.is_file(), "there is no file {}", file.display());
    let stem = file
        .file_stem()
        .and_then(|stem| stem.to_str())
        .context("the file has no name")?;
    let words: String = stem
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                ' '
            }
        })
        .collect();
    let slug: Vec<&str> = words.split_whitespace().collect();
    // The number keeps two files of one name apart.
    let slug: String = format!("{}-{}", slug.join("-"), place + 1)
        .chars()
        .rev()
        .take(40)
        .collect();
    let handle: String = slug.chars().rev().collect();
    let name = stem.chars().filter(|c| !c.is_control()).take(100).collect();
    Ok(Catalogue {
        name,
        handle: handle.trim_matches('-').to_owned(),
        source: Source::File(file.to_owned()),
    })
}

fn built_in() -> Vec<Catalogue> {
    let of = |name: &str, handle: &str, file| Catalogue {
        name: name.to_owned(),
        handle: handle.to_owned(),
        source: Source::BuiltIn(file),
    };
    vec![
        of(
            "Herd & Halm",
            "herd-und-halm",
            include_bytes!("catalog/herd-und-halm.csv"),
        ),
        of(
            "Kiesel & Klee",
            "kiesel-und-klee",
            include_bytes!("catalog/kiesel-und-klee.csv"),
        ),
        of("Rauwind", "rauwind", include_bytes!("catalog/rauwind.csv")),
    ]
}
