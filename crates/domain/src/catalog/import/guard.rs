//! The limits of a file, enforced byte by byte before anything is buffered: a million columns or a cell without an end
//! are refused while they pass.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most columns.
const MAX_COLUMNS: u32 = 500;
/// Longest cell in bytes.
const MAX_CELL: u64 = 1024 * 1024;
/// Longest row in bytes.
const MAX_ROW: u64 = 4 * 1024 * 1024;

/// Why a file is refused as a whole, in words for the person who sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem(pub(super) String);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Problem {}

impl From<Problem> for io::Error {
    fn from(problem: Problem) -> Self {
        Self::new(io::ErrorKind::InvalidData, problem)
    }
}

/// A quotation mark that opens a cell and is never closed. Whatever follows it would be taken for that cell, or be read
/// inside out: the file ends before its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unclosed {
    /// Where the mark stands, from 1.
    pub(super) line: u64,
    /// Where its row begins, from 1.
    pub(super) row_line: u64,
}

impl fmt::Display for Unclosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, row_line } = self;
        write!(
            f,
            "the quotation mark that opens a cell on line {line} is never closed, so nothing from line {row_line} on can be \
             read: close it, write marks within a cell twice (\"\"), and import the file again"
        )
    }
}

impl std::error::Error for Unclosed {}

impl From<Unclosed> for io::Error {
    fn from(unclosed: Unclosed) -> Self {
        Self::new(io::ErrorKind::InvalidData, unclosed)
    }
}

/// Why not all bytes pass.
enum Stop {
    Problem(Problem),
    Unclosed(Unclosed),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Unclosed> for Stop {
    fn from(unclosed: Unclosed) -> Self {
        Self::Unclosed(unclosed)
    }
}

/// What a file beyond the limit is told.
fn too_large(most: u64) -> Problem {
    let mebibytes = most >> 20;
    let most = match mebibytes {
        0 => format!("{most} bytes"),
        _ => format!("{mebibytes} MiB"),
    };
    Problem(format!("the file is larger than {most}: split it"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    CellStart,
    Plain,
    Quoted,
    /// After a quotation mark within a quoted cell: its end, or the first half of a doubled one.
    QuoteSeen,
}

/// Passes a file through while it keeps to the limits. Every end of a row becomes a line feed, so that lines are counted
/// alike whatever system wrote the file. Rows before a quotation mark that is never closed pass whole.
pub(super) struct Guard<R> {
    inner: R,
    delimiter: u8,
    max_bytes: u64,
    passed: Arc<AtomicU64>,
    place: Place,
    after_return: bool,
    line: u64,
    row_line: u64,
    cell_line: u64,
    /// Whether the quoted cell at hand goes on beyond its first line.
    broken: bool,
    columns: u32,
    cell: u64,
    row: u64,
    /// Found, and to be told once the rows before it have passed.
    unclosed: Option<Unclosed>,
}

impl<R> Guard<R> {
    /// Guards `inner`; how many bytes have passed is told through `passed`.
    pub(super) fn new(inner: R, delimiter: u8, max_bytes: u64, passed: Arc<AtomicU64>) -> Self {
        Self {
            inner,
            delimiter,
            max_bytes,
            passed,
            place: Place::CellStart,
            after_return: false,
            line: 1,
            row_line: 1,
            cell_line: 1,
            broken: false,
            columns: 1,
            cell: 0,
            row: 0,
            unclosed: None,
        }
    }

    /// Looks at every byte; how many of them, moved together, are passed on.
    fn pass(&mut self, bytes: &mut [u8]) -> Result<usize, Problem> {
        let mut kept = 0;
        // Where the present row begins, as far as it stands among these bytes.
        let mut row_at = 0;
        for at in 0..bytes.len() {
            let quoted = self.place == Place::Quoted;
            let byte = match bytes[at] {
                b'\n' if self.after_return => {
                    self.after_return = false;
                    continue;
                }
                b'\r' if !quoted => {
                    self.after_return = true;
                    b'\n'
                }
                byte => {
                    self.after_return = false;
                    byte
                }
            };
            match self.look(byte) {
                Ok(()) => {}
                Err(Stop::Problem(problem)) => return Err(problem),
                Err(Stop::Unclosed(unclosed)) => {
                    self.unclosed = Some(unclosed);
                    return Ok(row_at);
                }
            }
            bytes[kept] = byte;
            kept += 1;
            if self.row == 0 {
                row_at = kept;
            }
        }
        Ok(kept)
    }

    fn look(&mut self, byte: u8) -> Result<(), Stop> {
        if byte == 0 {
            let line = self.line;
            return Err(Problem(format!(
                "line {line} holds a NUL byte: this is not a text file; save it as CSV in UTF-8"
            ))
            .into());
        }
        self.row += 1;
        self.cell += 1;
        let ends = match (self.place, byte) {
            (Place::Quoted, b'"') => {
                self.place = Place::QuoteSeen;
                false
            }
            (Place::Quoted, byte) => {
                self.broken |= matches!(byte, b'\n' | b'\r');
                false
            }
            (Place::QuoteSeen, b'"') => {
                self.place = Place::Quoted;
                false
            }
            (Place::CellStart, b'"') => {
                self.place = Place::Quoted;
                false
            }
            (_, b'\n') => true,
            (_, byte) if byte == self.delimiter => {
                self.columns += 1;
                self.start_cell();
                false
            }
            // The mark that ended the cell was meant to open another, on a later line. Within one line it is only a mark
            // that somebody forgot to write twice, and does no harm beyond it.
            (Place::QuoteSeen, byte) if self.broken && byte != b' ' => {
                return Err(self.never_closed().into());
            }
            _ => {
                self.place = Place::Plain;
                false
            }
        };
        if byte == b'\n' {
            self.line += 1;
        }
        if ends {
            self.start_row();
        }
        self.within_limits()
    }

    fn start_cell(&mut self) {
        self.place = Place::CellStart;
        self.cell = 0;
        self.broken = false;
        self.cell_line = self.line;
    }

    fn start_row(&mut self) {
        self.row = 0;
        self.columns = 1;
        self.row_line = self.line;
        self.start_cell();
    }

    fn never_closed(&self) -> Unclosed {
        Unclosed {
            line: self.cell_line,
            row_line: self.row_line,
        }
    }

    fn within_limits(&self) -> Result<(), Stop> {
        let (row_line, cell_line) = (self.row_line, self.cell_line);
        if self.columns > MAX_COLUMNS {
            return Err(Problem(format!(
                "line {row_line} has more than {MAX_COLUMNS} columns: this is not a Shopify product file"
            ))
            .into());
        }
        if self.cell > MAX_CELL {
            return Err(match self.place {
                Place::Quoted if self.broken => self.never_closed().into(),
                _ => Problem(format!(
                    "a cell that begins on line {cell_line} is longer than 1 MiB"
                ))
                .into(),
            });
        }
        if self.row > MAX_ROW {
            return Err(Problem(format!("line {row_line} is longer than 4 MiB")).into());
        }
        Ok(())
    }
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(unclosed) = self.unclosed {
            return Err(unclosed.into());
        }
        let count = self.inner.read(buffer)?;
        if count == 0 && !buffer.is_empty() {
            if self.place == Place::Quoted {
                return Err(self.never_closed().into());
            }
            if self.row == 0 {
                return Ok(0);
            }
            // The last row ends as all others do, whether or not the file says so.
            self.start_row();
            buffer[0] = b'\n';
            return Ok(1);
        }
        let added = u64::try_from(count).unwrap_or(u64::MAX);
        let passed = self.passed.fetch_add(added, Ordering::Relaxed) + added;
        if passed > self.max_bytes {
            return Err(too_large(self.max_bytes).into());
        }
        let kept = self.pass(&mut buffer[..count])?;
        // Nothing at all would say that the file ends here.
        if kept == 0 { self.read(buffer) } else { Ok(kept) }
    }
}
