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
use crate::catalog::import::draft::{Draft, RowError, not_text};
use crate::catalog::import::guard::{Guard, Problem, Unclosed};

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
    /// The file can be read up to here.
    Unclosed(Unclosed),
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
        let unclosed = error.get_ref().and_then(|error| error.downcast_ref::<Unclosed>());
        if let Some(unclosed) = unclosed {
            return Self::Unclosed(*unclosed);
        }
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

impl From<ReadError> for anyhow::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Problem(problem) => problem.into(),
            ReadError::Unclosed(unclosed) => unclosed.into(),
            ReadError::Broken(error) => error,
        }
    }
}

/// What the first reading found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// How large the file is, as far as it can be read.
    pub(super) bytes: u64,
    /// Where it cannot be read any further.
    pub(super) unclosed: Option<Unclosed>,
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
        let (told, names) = told_delimiter(&head[skipped..]);
        let skipped = skipped + told;
        let delimiter = names.unwrap_or_else(|| delimiter(&head[skipped..]));
        let passed = Arc::new(AtomicU64::new(u64::try_from(skipped).unwrap_or(0)));
        let rest: Box<dyn Read + Send> = Box::new(io::Cursor::new(head.split_off(skipped)).chain(reader));
        let guard = Guard::new(rest, delimiter, max_bytes, passed.clone());
        let mut csv = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .buffer_capacity(HEADING_BYTES)
            .from_reader(guard);
        let headings = csv.headers().map_err(|error| match ReadError::from(error) {
            ReadError::Unclosed(unclosed) => Problem(unclosed.to_string()).into(),
            error => error,
        })?;
        let columns = Columns::of(headings)?;
        Ok(Self { csv, columns, passed })
    }

    /// Reads the next row that says anything into `row`; false at the end.
    fn next(&mut self, row: &mut Row) -> Result<bool, ReadError> {
        let mut cells = std::mem::take(&mut row.cells).into_byte_record();
        while self.csv.read_byte_record(&mut cells)? {
            if cells.iter().any(|cell| !cell.trim_ascii().is_empty()) {
                // Where a row begins, the csv crate tells without the empty lines before it; where it ends, exactly.
                let within = cells.as_slice().iter().filter(|byte| **byte == b'\n').count();
                let after = self.csv.position().line();
                let line = after.saturating_sub(1 + u64::try_from(within).unwrap_or(0));
                row.line = i64::try_from(line).unwrap_or(i64::MAX);
                row.fill(cells);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The same, but where a quotation mark is never closed the file ends, and the mark is left in `unclosed`.
    fn next_whole(&mut self, row: &mut Row, unclosed: &mut Option<Unclosed>) -> Result<bool, ReadError> {
        match self.next(row) {
            Err(ReadError::Unclosed(found)) => {
                *unclosed = Some(found);
                Ok(false)
            }
            outcome => outcome,
        }
    }
}

/// A row of a file.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) cells: csv::StringRecord,
    /// The line it begins on, from 1.
    pub(super) line: i64,
    /// The place of its first cell that is not text in UTF-8, if one is not. What can be read of it stands in `cells`.
    pub(super) broken: Option<usize>,
}

impl Row {
    fn fill(&mut self, cells: csv::ByteRecord) {
        self.broken = None;
        self.cells = csv::StringRecord::from_byte_record(cells).unwrap_or_else(|error| {
            self.broken = Some(error.utf8_error().field());
            csv::StringRecord::from_byte_record_lossy(error.into_byte_record())
        });
    }
}

/// Reads the whole file and lands nothing.
///
/// # Errors
/// Why the file is refused, or cannot be read.
pub(super) fn survey(reader: Box<dyn Read + Send>, max_bytes: u64) -> Result<Survey, ReadError> {
    let mut rows = Rows::open(reader, max_bytes)?;
    let mut row = Row::default();
    let mut products: HashMap<u64, (u32, u64)> = HashMap::new();
    let mut last = None;
    let mut unclosed = None;
    while rows.next_whole(&mut row, &mut unclosed)? {
        let handle = hash(rows.columns.cell(&row.cells, Column::Handle));
        let (runs, bytes) = products.entry(handle).or_insert((0, 0));
        if last != Some(handle) {
            *runs += 1;
            last = Some(handle);
        }
        *bytes += u64::try_from(row.cells.as_slice().len()).unwrap_or(u64::MAX);
        if products.len() > MAX_PRODUCTS {
            return Err(Problem(format!(
                "the file has more than {MAX_PRODUCTS} products: split it"
            ))
            .into());
        }
    }
    if products.is_empty() {
        let why = unclosed.map(|unclosed| unclosed.to_string());
        return Err(Problem(why.unwrap_or_else(|| "the file has headings but no rows".to_owned())).into());
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
        unclosed,
        scattered: scattered
            .into_iter()
            .map(|(handle, (runs, _))| (handle, runs))
            .collect(),
    })
}

/// Reads the file again, as far as the survey did, and hands over its products, batch by batch, until all are read or nobody
/// takes them any more.
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
        cut: survey.unclosed.is_some(),
        waiting: HashMap::new(),
        present: None,
        batch: Batch::default(),
    };
    let mut row = Row::default();
    let mut unclosed = None;
    while rows.next_whole(&mut row, &mut unclosed)? {
        assembly.take(&rows.columns, &row);
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
    /// Whether the file goes on beyond what can be read: of any product there may be more.
    cut: bool,
    /// Those of them begun.
    waiting: HashMap<String, Draft>,
    present: Option<Draft>,
    batch: Batch,
}

impl Assembly {
    fn take(&mut self, columns: &Columns, row: &Row) {
        self.batch.rows += 1;
        self.batch.weight += 1;
        let text = columns.cell(&row.cells, Column::Handle);
        if self
            .present
            .as_ref()
            .is_none_or(|draft| draft.handle.as_str() != text)
        {
            self.close_present();
            self.present = match self.waiting.remove(text) {
                Some(draft) => Some(draft),
                None => self.begin(columns, row),
            };
        }
        if let Some(draft) = &mut self.present {
            draft.add(columns, row, self.currency);
        }
    }

    fn begin(&mut self, columns: &Columns, row: &Row) -> Option<Draft> {
        let text = columns.cell(&row.cells, Column::Handle);
        let handle = match row.broken {
            Some(place) if columns.stands_at(Column::Handle, place) => Err(not_text(text)),
            _ => text.parse::<ProductHandle>().map_err(|error| error.to_string()),
        };
        let refused = |message| RowError {
            line: row.line,
            column: Some(columns.heading(Column::Handle)),
            handle: None,
            message,
        };
        handle
            .map(|handle| Draft::new(handle, columns, self.cut))
            .map_err(|message| self.batch.errors.push(refused(message)))
            .ok()
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
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            refused("the file is in UTF-16, as Excel's \"Unicode Text\" is: save it as \"CSV UTF-8\"")
        }
        [b'P', b'K', 3, 4, ..] | [0xd0, 0xcf, 0x11, 0xe0, ..] => {
            refused("this is a spreadsheet or an archive: save it as \"CSV UTF-8\"")
        }
        [b'%', b'P', b'D', b'F', ..] => {
            refused("this is a PDF document: export the products as CSV from the shop they are in")
        }
        [0xef, 0xbb, 0xbf, ..] => Ok(3),
        _ if head.iter().all(u8::is_ascii_whitespace) => refused("the file is empty"),
        _ => Ok(0),
    }
}

/// Excel names what stands between the columns in a first line of its own, such as `sep=;`. Returns the length of what the
/// line says, without its end, so that lines are counted as they stand in the file, and the separator.
fn told_delimiter(head: &[u8]) -> (usize, Option<u8>) {
    let line = head
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .next()
        .unwrap_or_default();
    let bare = match line {
        [b'"', bare @ .., b'"'] => bare,
        bare => bare,
    };
    match bare {
        [mark @ .., separator @ (b',' | b';' | b'\t' | b'|')] if mark.eq_ignore_ascii_case(b"sep=") => {
            (line.len(), Some(*separator))
        }
        _ => (0, None),
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
pub(super) mod tests {
    use super::*;

    const HEAD: &str = "Handle,Title,Variant Price,Option1 Name,Option1 Value\n";

    fn surveyed(bytes: impl AsRef<[u8]>) -> Result<Survey, String> {
        let bytes = bytes.as_ref().to_vec();
        survey(Box::new(io::Cursor::new(bytes)), 100_000_000).map_err(|error| match error {
            ReadError::Problem(problem) => problem.0,
            ReadError::Unclosed(unclosed) => panic!("{unclosed}"),
            ReadError::Broken(error) => panic!("{error:#}"),
        })
    }

    /// All products and errors of a file.
    pub(in crate::catalog::import) fn read_all(text: impl AsRef<[u8]>) -> (Vec<Draft>, Vec<RowError>) {
        let text = text.as_ref().to_vec();
        let survey = surveyed(&text).unwrap();
        let (to, mut from) = mpsc::channel(1000);
        read(
            Box::new(io::Cursor::new(text)),
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
                b"Handle,Title,Variant Price,Gr\xf6\xdfe\na,A,1,2\n".to_vec(),
                "line 1 is not text in UTF-8",
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
    fn a_mark_that_is_never_closed_ends_the_file_before_its_row() {
        let good = "a,A,1,,\n";
        let many: String = (0..20_000)
            .map(|number| format!("h{number},\"T\n{number}\",1,,\n"))
            .collect();
        for (before, rest, products, line, row_line) in [
            (good, "b,\"B,2,,\nc,C,3,,\n", 1, 3, 3),
            (good, "b,\"B,2,,\nc,\"C\",3,,\n", 1, 3, 3),
            (good, "b,\"B\nB\",\"2,,\nc,\"C\",3,,\n", 1, 4, 3),
            (&*many, "b,\"B,2,,\nc,\"C\",3,,\n", 20_000, 40_002, 40_002),
        ] {
            for end in ["\n", "\r\n"] {
                let text = format!("{HEAD}{before}{rest}").replace('\n', end);
                let unclosed = surveyed(&text).unwrap().unclosed.unwrap();
                assert_eq!((unclosed.line, unclosed.row_line), (line, row_line), "{rest}");
                let (drafts, errors) = read_all(&text);
                assert!(errors.is_empty() && drafts.iter().all(|draft| draft.errors.is_empty()));
                assert_eq!(drafts.len(), products, "{rest}");
            }
        }
    }

    #[test]
    fn marks_that_close_somewhere_end_nothing() {
        for title in [
            "\"26\" wheel\"",
            "\"A\nB\" ",
            "26\" wheel",
            "\"\"",
            "\"A \"\"B\"\"\n\"\"C\"\"\"",
        ] {
            let text = format!("{HEAD}a,{title},1,,\nb,B,1,,\n");
            let survey = surveyed(&text).unwrap();
            assert_eq!((survey.unclosed, read_all(&text).0.len()), (None, 2), "{title}");
        }
    }

    #[test]
    fn headings_that_nobody_reads_may_repeat() {
        let ours = "Handle,Title,Variant Price,,,Note,Note\na,A,1,,,,\n";
        assert!(surveyed(ours).is_ok());
    }

    #[test]
    fn a_file_that_is_too_large_is_refused() {
        let file = io::Cursor::new(format!("{HEAD}a,A,1,,\n"));
        let refused = survey(Box::new(file), 20);
        assert!(
            matches!(refused, Err(ReadError::Problem(Problem(why))) if why.contains("larger than 20 bytes"))
        );
    }

    #[test]
    fn commas_semicolons_and_tabs_are_told_apart_and_marks_are_skipped() {
        for (separator, mark) in [(",", ""), (";", "\u{feff}"), ("\t", "\u{feff}")] {
            let text = format!("{HEAD}a,\"A \"\"1\"\"\nB\",1.50,,\r\n").replace(',', separator);
            let (drafts, errors) = read_all(format!("{mark}{text}"));
            assert!(errors.is_empty(), "{errors:?}");
            assert_eq!(drafts[0].lines, [2]);
            assert_eq!(
                drafts[0].title.as_ref().unwrap().as_str(),
                "A \"1\" B",
                "a title is one line"
            );
            assert_eq!(drafts[0].variants[0].price, 150);
        }
    }

    #[test]
    fn a_first_line_that_names_the_separator_is_followed() {
        for (first, separator) in [
            ("sep=;", ";"),
            ("SEP=,", ","),
            ("\"sep=|\"", "|"),
            ("\u{feff}sep=\t", "\t"),
        ] {
            for end in ["\n", "\r\n", "\r"] {
                let text = format!("{HEAD}a,\"A, b; c\",1,,\nb,B,x,,\n").replace("b; c", "b; c|d");
                let text = text
                    .replace(',', separator)
                    .replace(&format!("A{separator} b"), "A, b");
                let text = format!("{first}\n{text}").replace('\n', end);
                let (drafts, errors) = read_all(&text);
                assert!(errors.is_empty(), "{errors:?}");
                assert_eq!(drafts[0].title.as_ref().unwrap().as_str(), "A, b; c|d", "{first}");
                let lines: Vec<i64> = drafts.iter().flat_map(|draft| draft.lines.clone()).collect();
                assert_eq!(
                    (lines, drafts[1].errors[0].line),
                    (vec![3, 4], 4),
                    "{first} {end:?}"
                );
            }
        }
        assert!(surveyed("sep=;\n").is_err());
    }

    #[test]
    fn a_cell_that_is_no_text_costs_its_row_only_and_is_told_by_line_and_column() {
        let file = [
            HEAD.as_bytes(),
            b"a,A,1,Size,S\na,,2,,\xff\nb,Gr\xfcn,3,,\nc\xe4,C,4,,\nd,D,5,,\n",
        ]
        .concat();
        let (drafts, errors) = read_all(file);
        let landed: Vec<_> = drafts
            .iter()
            .map(|draft| (draft.handle.as_str(), draft.variants.len()))
            .collect();
        assert_eq!(landed, [("a", 1), ("b", 0), ("d", 1)]);
        let told: Vec<_> = drafts
            .iter()
            .flat_map(|draft| &draft.errors)
            .chain(&errors)
            .collect();
        let told: Vec<_> = told
            .iter()
            .map(|error| {
                (
                    error.line,
                    error.column.as_deref().unwrap(),
                    error.handle.as_deref(),
                    &*error.message,
                )
            })
            .collect();
        let advice = "is not text in UTF-8: save the file as CSV in UTF-8";
        assert_eq!(
            told,
            [
                (3, "Option1 Value", Some("a"), &*format!("\"\u{fffd}\" {advice}")),
                (4, "Title", Some("b"), &*format!("\"Gr\u{fffd}n\" {advice}")),
                (5, "Handle", None, &*format!("\"c\u{fffd}\" {advice}")),
            ]
        );
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
    fn without_a_tracker_column_a_stated_quantity_is_counted() {
        let tracked = |text: &str| {
            let (drafts, errors) = read_all(text);
            assert!(errors.is_empty(), "{errors:?}");
            let told = drafts.iter().flat_map(|draft| &draft.variants);
            told.map(|variant| variant.tracked).collect::<Vec<_>>()
        };
        let head = "Handle,Title,Variant Price,Variant Inventory Policy";
        let without = format!("{head},Variant Inventory Qty\na,A,1,deny,3\nb,B,1,deny,0\nc,C,1,deny,\n");
        assert_eq!(tracked(&without), [Some(true), Some(true), None]);
        let with = format!(
            "{head},Variant Inventory Qty,Variant Inventory Tracker\na,A,1,deny,3,shopify\nb,B,1,deny,3,\n"
        );
        assert_eq!(tracked(&with), [Some(true), Some(false)]);
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
