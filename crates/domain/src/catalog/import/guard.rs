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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    CellStart,
    Plain,
    Quoted,
    /// After a quotation mark within a quoted cell: its end, or the first half of a doubled one.
    QuoteSeen,
}

/// Passes a file through while it keeps to the limits. Every end of a row becomes a line feed, so that lines are counted
/// alike whatever system wrote the file.
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
    columns: u32,
    cell: u64,
    row: u64,
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
            columns: 1,
            cell: 0,
            row: 0,
        }
    }

    /// Looks at every byte; how many of them, moved together, are passed on.
    fn pass(&mut self, bytes: &mut [u8]) -> Result<usize, Problem> {
        let mut kept = 0;
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
            self.look(byte)?;
            bytes[kept] = byte;
            kept += 1;
        }
        Ok(kept)
    }

    fn look(&mut self, byte: u8) -> Result<(), Problem> {
        if byte == 0 {
            return Err(Problem(format!(
                "line {} holds a NUL byte: this is not a CSV file in UTF-8",
                self.line
            )));
        }
        self.row += 1;
        self.cell += 1;
        let ends = match (self.place, byte) {
            (Place::Quoted, b'"') => {
                self.place = Place::QuoteSeen;
                false
            }
            (Place::Quoted, _) => false,
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
        self.cell_line = self.line;
    }

    fn start_row(&mut self) {
        self.row = 0;
        self.columns = 1;
        self.row_line = self.line;
        self.start_cell();
    }

    fn within_limits(&self) -> Result<(), Problem> {
        if self.columns > MAX_COLUMNS {
            return Err(Problem(format!(
                "line {} has more than {MAX_COLUMNS} columns",
                self.row_line
            )));
        }
        if self.cell > MAX_CELL {
            return Err(Problem(format!(
                "a cell that begins on line {} is longer than 1 MiB: perhaps a quotation mark is missing at its end",
                self.cell_line
            )));
        }
        if self.row > MAX_ROW {
            return Err(Problem(format!("line {} is longer than 4 MiB", self.row_line)));
        }
        Ok(())
    }

    fn at_end(&self) -> Result<(), Problem> {
        if self.place == Place::Quoted {
            return Err(Problem(format!(
                "a cell that begins with a quotation mark on line {} is never closed",
                self.cell_line
            )));
        }
        Ok(())
    }
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count == 0 && !buffer.is_empty() {
            self.at_end()?;
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
            let most = self.max_bytes;
            return Err(Problem(format!("the file is larger than {most} bytes")).into());
        }
        let kept = self.pass(&mut buffer[..count])?;
        // Nothing at all would say that the file ends here.
        if kept == 0 { self.read(buffer) } else { Ok(kept) }
    }
}
