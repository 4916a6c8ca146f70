//! The two readings of a file, both on a blocking thread.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use vitrine_model::money::Currency;
use vitrine_model::text::ProductHandle;

use crate::catalog::import::columns::{Column, Columns};
use crate::catalog::import::draft::{Draft, RowError};
use crate::catalog::import::guard::{Guard, Problem};

/// How far into a file its first line is looked for, to tell what stands between its columns.
const HEADING_BYTES: usize = 64 * 1024;
/// Most products of one file.
const MAX_PRODUCTS: usize = 2_000_000;
/// How many bytes may belong to products whose rows do not stand together.
const MAX_SCATTERED: u64 = 64 * 1024 * 1024;
/// How many rows a batch holds, about.
const BATCH: usize = 400;

/// What reading may end with: a refusal of the file, or a broken disk.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The file is refused as a whole.
    Problem(Problem),
    /// The file cannot be read.
    Broken(anyhow::Error),
}

impl From<Problem> for ReadError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Problem>() {
            Ok(problem) => Self::Problem(problem),
            Err(error) => Self::Broken(error.into()),
        }
    }
}

impl From<csv::Error> for ReadError {
    fn from(error: csv::Error) -> Self {
        let line = error.position().map_or(1, csv::Position::line);
        match error.into_kind() {
            csv::ErrorKind::Io(error) => error.into(),
            csv::ErrorKind::Utf8 { .. } => Self::Problem(Problem(format!(
                "line {line} is not text in UTF-8: save the file as CSV in UTF-8"
            ))),
            other => Self::Problem(Problem(format!("line {line} is not CSV: {other:?}"))),
        }
    }
}

/// What the first reading found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// How large the file is.
    pub(super) bytes: u64,
    /// By their handles' hashes, the products whose rows stand in several places: in how many.
    scattered: HashMap<u64, u32>,
}

/// Some products, and how far the file was read for them.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) drafts: Vec<Draft>,
    pub(super) errors: Vec<RowError>,
    pub(super) rows: i64,
    pub(super) bytes: u64,
    weight: usize,
}

/// The rows of a file.
struct Rows {
    csv: csv::Reader<Guard<Box<dyn Read + Send>>>,
    columns: Columns,
    passed: Arc<AtomicU64>,
}

impl Rows {
    fn open(reader: Box<dyn Read + Send>, max_bytes: u64) -> Result<Self, ReadError> {
        let mut reader = BufReader::with_capacity(HEADING_BYTES, reader);
        let mut head = Vec::new();
        // A short read is no end: what is looked at must hold the first line.
        while head.len() < HEADING_BYTES {
            let more = reader.fill_buf()?;
            if more.is_empty() {
                break;
            }
            let count = more.len();
            head.extend_from_slice(more);
            reader.consume(count);
        }
        let skipped = check_head(&head)?;
        let delimiter = delimiter(&head[skipped..]);
        let passed = Arc::new(AtomicU64::new(u64::try_from(skipped).unwrap_or(0)));
        let rest: Box<dyn Read + Send> = Box::new(io::Cursor::new(head.split_off(skipped)).chain(reader));
        let guard = Guard::new(rest, delimiter, max_bytes, passed.clone());
        let mut csv = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .buffer_capacity(HEADING_BYTES)
            .from_reader(guard);
        let columns = Columns::of(csv.headers()?)?;
        Ok(Self { csv, columns, passed })
    }

    /// Reads the next row that says anything; its line, or `None` at the end.
    fn next(&mut self, row: &mut csv::StringRecord) -> Result<Option<i64>, ReadError> {
        while self.csv.read_record(row)? {
            if row.iter().any(|cell| !cell.trim().is_empty()) {
                // Where a row begins, the csv crate tells without the empty lines before it; where it ends, exactly.
                let within = row.as_slice().bytes().filter(|byte| *byte == b'\n').count();
                let after = self.csv.position().line();
                let line = after.saturating_sub(1 + u64::try_from(within).unwrap_or(0));
                return Ok(Some(i64::try_from(line).unwrap_or(i64::MAX)));
            }
        }
        Ok(None)
    }
}

/// Reads the whole file and lands nothing.
///
/// # Errors
/// Why the file is refused, or cannot be read.
pub(super) fn survey(reader: Box<dyn Read + Send>, max_bytes: u64) -> Result<Survey, ReadError> {
    let mut rows = Rows::open(reader, max_bytes)?;
    let mut row = csv::StringRecord::new();
    let mut products: HashMap<u64, (u32, u64)> = HashMap::new();
    let mut last = None;
    while rows.next(&mut row)?.is_some() {
        let handle = hash(rows.columns.cell(&row, Column::Handle));
        let (runs, bytes) = products.entry(handle).or_insert((0, 0));
        if last != Some(handle) {
            *runs += 1;
            last = Some(handle);
        }
        *bytes += u64::try_from(row.as_slice().len()).unwrap_or(u64::MAX);
        if products.len() > MAX_PRODUCTS {
            return Err(Problem(format!(
                "the file has more than {MAX_PRODUCTS} products: split it"
            ))
            .into());
        }
    }
    if products.is_empty() {
        return Err(Problem("the file has headings but no rows".to_owned()).into());
    }
    let scattered = products.into_iter().filter(|(_, (runs, _))| *runs > 1);
    let scattered: HashMap<u64, (u32, u64)> = scattered.collect();
    if scattered.values().map(|(_, bytes)| bytes).sum::<u64>() > MAX_SCATTERED {
        return Err(Problem(
            "too many products have rows that do not stand together: sort the file by its handles".to_owned(),
        )
        .into());
    }
    Ok(Survey {
        bytes: rows.passed.load(Ordering::Relaxed),
        scattered: scattered
            .into_iter()
            .map(|(handle, (runs, _))| (handle, runs))
            .collect(),
    })
}

/// Reads the file again and hands over its products, batch by batch, until all are read or nobody takes them any more.
///
/// # Errors
/// Why the file cannot be read any more.
pub(super) fn read(
    reader: Box<dyn Read + Send>,
    max_bytes: u64,
    currency: Currency,
    survey: Survey,
    to: &mpsc::Sender<Batch>,
) -> Result<(), ReadError> {
    let mut rows = Rows::open(reader, max_bytes)?;
    let mut assembly = Assembly {
        currency,
        scattered: survey.scattered,
        waiting: HashMap::new(),
        present: None,
        batch: Batch::default(),
    };
    let mut row = csv::StringRecord::new();
    while let Some(line) = rows.next(&mut row)? {
        assembly.take(&rows.columns, &row, line);
        if assembly.batch.weight >= BATCH {
            assembly.batch.bytes = rows.passed.load(Ordering::Relaxed);
            if to.blocking_send(std::mem::take(&mut assembly.batch)).is_err() {
                return Ok(());
            }
        }
    }
    assembly.close_present();
    assembly.batch.bytes = rows.passed.load(Ordering::Relaxed);
    // Nobody may be listening any more: then nobody wants to know.
    to.blocking_send(assembly.batch).ok();
    Ok(())
}

/// Puts products together from rows.
struct Assembly {
    currency: Currency,
    /// How many runs of rows are still to come of each product whose rows do not stand together.
    scattered: HashMap<u64, u32>,
    /// Those of them begun.
    waiting: HashMap<String, Draft>,
    present: Option<Draft>,
    batch: Batch,
}

impl Assembly {
    fn take(&mut self, columns: &Columns, row: &csv::StringRecord, line: i64) {
        self.batch.rows += 1;
        self.batch.weight += 1;
        let text = columns.cell(row, Column::Handle);
        if self
            .present
            .as_ref()
            .is_none_or(|draft| draft.handle.as_str() != text)
        {
            self.close_present();
            self.present = match self.waiting.remove(text) {
                Some(draft) => Some(draft),
                None => self.begin(columns, text, line),
            };
        }
        if let Some(draft) = &mut self.present {
            draft.add(columns, row, line, self.currency);
        }
    }

    fn begin(&mut self, columns: &Columns, text: &str, line: i64) -> Option<Draft> {
        match text.parse::<ProductHandle>() {
            Ok(handle) => Some(Draft::new(handle, columns)),
            Err(error) => {
                self.batch.errors.push(RowError {
                    line,
                    column: Some(columns.heading(Column::Handle)),
                    handle: None,
                    message: error.to_string(),
                });
                None
            }
        }
    }

    /// The product at hand has no further row here: it is complete, or waits for those elsewhere.
    fn close_present(&mut self) {
        let Some(draft) = self.present.take() else { return };
        if let Some(runs) = self.scattered.get_mut(&hash(draft.handle.as_str())) {
            *runs = runs.saturating_sub(1);
            if *runs > 0 {
                self.waiting.insert(draft.handle.to_string(), draft);
                return;
            }
        }
        match draft.finish() {
            Ok(draft) => {
                self.batch.weight += draft.weight();
                self.batch.drafts.push(draft);
            }
            Err(errors) => self.batch.errors.extend(errors),
        }
    }
}

/// What a file begins with tells what it cannot be. Returns how many bytes are a byte order mark.
fn check_head(head: &[u8]) -> Result<usize, Problem> {
    let refused = |why: &str| Err(Problem(why.to_owned()));
    match head {
        [] => refused("the file is empty"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => refused("the file is in UTF-16: save it as CSV in UTF-8"),
        [b'P', b'K', 3, 4, ..] => refused("this is a spreadsheet or an archive: save it as CSV in UTF-8"),
        [0xef, 0xbb, 0xbf, ..] => Ok(3),
        _ if head.iter().all(u8::is_ascii_whitespace) => refused("the file is empty"),
        _ => Ok(0),
    }
}

/// What stands between the columns: a comma, a semicolon or a tab, whichever the first line has most of.
fn delimiter(head: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [0_usize; 3];
    let known = [b',', b';', b'\t'];
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted && counts.iter().any(|count| *count > 0) => break,
            byte if !quoted => {
                if let Some(place) = known.iter().position(|known| known == byte) {
                    counts[place] += 1;
                }
            }
            _ => {}
        }
    }
    let mut best = 0;
    for place in 1..known.len() {
        if counts[place] > counts[best] {
            best = place;
        }
    }
    known[best]
}

fn hash(handle: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    handle.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Handle,Title,Variant Price,Option1 Name,Option1 Value\n";

    fn surveyed(bytes: impl AsRef<[u8]>) -> Result<Survey, String> {
        let bytes = bytes.as_ref().to_vec();
        survey(Box::new(io::Cursor::new(bytes)), 100_000_000).map_err(|error| match error {
            ReadError::Problem(problem) => problem.0,
            ReadError::Broken(error) => panic!("{error:#}"),
        })
    }

    /// All products and errors of a file.
    fn read_all(text: &str) -> (Vec<Draft>, Vec<RowError>) {
        let survey = surveyed(text).unwrap();
        let (to, mut from) = mpsc::channel(1000);
        read(
            Box::new(io::Cursor::new(text.to_owned())),
            100_000_000,
            Currency::Eur,
            survey,
            &to,
        )
        .unwrap();
        drop(to);
        let (mut drafts, mut errors) = (Vec::new(), Vec::new());
        while let Some(batch) = from.blocking_recv() {
            drafts.extend(batch.drafts);
            errors.extend(batch.errors);
        }
        (drafts, errors)
    }

    #[test]
    fn what_is_not_a_product_file_is_refused_with_the_reason() {
        let unclosed = format!("{HEAD}a,\"A,1\n");
        let endless = format!("{HEAD}a,\"{}", "x".repeat(2_000_000));
        let long_row = format!("{HEAD}{}", "xxxxxxxxx,".repeat(100).repeat(5000));
        for (bytes, says) in [
            (b"".to_vec(), "empty"),
            (b" \n\r\n".to_vec(), "empty"),
            (b"PK\x03\x04rest".to_vec(), "spreadsheet"),
            (b"\xff\xfeH\0a\0".to_vec(), "UTF-16"),
            (b"Handle,Title\0".to_vec(), "NUL"),
            (
                b"Handle,Title,Variant Price\na,\xe4,1\n".to_vec(),
                "line 2 is not text in UTF-8",
            ),
            (
                b"hello world\n".to_vec(),
                "no column Handle, Title, Variant Price",
            ),
            (HEAD.as_bytes().to_vec(), "no rows"),
            (",".repeat(1_000_000).into_bytes(), "more than 500 columns"),
            (long_row.into_bytes(), "more than 500 columns"),
            (unclosed.into_bytes(), "never closed"),
            (endless.into_bytes(), "longer than 1 MiB"),
        ] {
            let problem = surveyed(&bytes).unwrap_err();
            assert!(problem.contains(says), "{says}: {problem}");
        }
    }

    #[test]
    fn a_file_that_is_too_large_is_refused() {
        let file = io::Cursor::new(format!("{HEAD}a,A,1,,\n"));
        let refused = survey(Box::new(file), 20);
        assert!(matches!(refused, Err(ReadError::Problem(Problem(why))) if why.contains("larger than 20")));
    }

    #[test]
    fn commas_semicolons_and_tabs_are_told_apart_and_marks_are_skipped() {
        for (separator, mark) in [(",", ""), (";", "\u{feff}"), ("\t", "\u{feff}")] {
            let text = format!("{HEAD}a,\"A \"\"1\"\"\nB\",1.50,,\r\n").replace(',', separator);
            let (drafts, errors) = read_all(&format!("{mark}{text}"));
            assert!(errors.is_empty(), "{errors:?}");
            // A title is one line: the cell is refused, but the row is read as one.
            assert_eq!(drafts[0].lines, [2]);
            assert_eq!(drafts[0].variants[0].price, 150);
        }
    }

    #[test]
    fn lines_are_counted_alike_whatever_ends_them() {
        for end in ["\n", "\r\n", "\r"] {
            let text = format!("{HEAD}a,\"A\",1,,\n\nb,B,\"x\",,\n").replace('\n', end);
            let (drafts, _) = read_all(&text);
            let lines: Vec<i64> = drafts.iter().flat_map(|draft| draft.lines.clone()).collect();
            assert_eq!(lines, [2, 4], "{end:?}");
        }
    }

    #[test]
    fn rows_that_do_not_stand_together_make_one_product() {
        let text = format!("{HEAD}a,A,1,Size,S\nb,B,2,,\na,,3,,M\nc,C,1,,\na,,4,,L\n");
        let (drafts, errors) = read_all(&text);
        assert!(errors.is_empty(), "{errors:?}");
        let handles: Vec<&str> = drafts.iter().map(|draft| draft.handle.as_str()).collect();
        assert_eq!(handles, ["b", "c", "a"]);
        let prices: Vec<i64> = drafts[2].variants.iter().map(|variant| variant.price).collect();
        assert_eq!(
            (prices, &drafts[2].lines[..]),
            (vec![100, 300, 400], &[2, 4, 6][..])
        );
    }

    #[test]
    fn bad_rows_say_line_and_column_and_good_ones_stand() {
        let text = format!("{HEAD}a,A,\"12,50\",Size,S\na,,3,,M\na,,3,,M\n,B,1,,\n");
        let (drafts, errors) = read_all(&text);
        assert_eq!(drafts[0].variants.len(), 1);
        let told: Vec<(i64, Option<&str>)> = drafts[0]
            .errors
            .iter()
            .map(|error| (error.line, error.column.as_deref()))
            .collect();
        assert_eq!(told, [(2, Some("Variant Price")), (4, Some("Option1 Value"))]);
        assert_eq!((errors[0].line, errors[0].column.as_deref()), (5, Some("Handle")));
    }
}
