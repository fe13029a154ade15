//! The records as a table: a folder of files in Parquet, each a partition of a query.

use std::fs::{self, File, Permissions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use command_line::{count, grouped};
use datafusion::arrow::array::{
    AsArray, Float64Array, Int64Array, RecordBatch, TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::{
    DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, TimeUnit, TimestampNanosecondType,
};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::basic::Encoding;
use datafusion::parquet::file::properties::WriterProperties;
use indicatif::{ProgressBar, ProgressStyle};
use mem_trace::trace;
use records::{DataArguments, DataFile, MOST_RECORDS, Record, batches};

use crate::error::{Error, Result};

/// Records that are in memory at a time while a table is made or read: 1.5 MiB of them.
const CHUNK: usize = 1 << 16;

/// Which table.
#[derive(Debug, Clone, Args)]
pub struct TableArguments {
    /// Records in the table
    #[arg(long, global = true, value_name = "N", default_value = "2_000_000", value_parser = count::<MOST_RECORDS>)]
    pub records: usize,

    /// Files that it is cut into, each a partition of the query
    #[arg(long, global = true, value_name = "N", default_value = "16", value_parser = count::<4096>)]
    pub files: usize,

    /// The table's folder, made where there is none [default: in the target folder's data]
    #[arg(long, global = true, value_name = "DIR")]
    pub table: Option<PathBuf>,
}

impl TableArguments {
    /// The records in their first form, one file that NumPy reads.
    pub fn data(&self) -> DataArguments {
        DataArguments {
            records: Some(self.records),
            workers: 2,
            data: None,
        }
    }

    /// Where the table is, or will be.
    pub fn path(&self) -> PathBuf {
        self.table.clone().unwrap_or_else(|| {
            let files = format!("parquet-{}", self.files);
            self.data().path().with_extension(files)
        })
    }

    /// The table's folder; a table that nobody named is made where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::NoTable`] where one was named and is not there; see [`convert`].
    pub fn open(&self) -> Result<PathBuf> {
        let path = self.path();
        if !path.is_dir() {
            if self.table.is_some() {
                return Err(Error::NoTable(path));
            }
            trace!(
                "No table yet: converting {} records.",
                grouped(self.records)
            );
            convert(self.data().open(0.0)?, &path, self.files)?;
        }
        fs::canonicalize(&path).map_err(Error::io("find", path.display()))
    }
}

/// What a table holds, counted and added up. Two that agree in all of it hold the same records
/// for every sum in this book.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Totals {
    /// Records.
    pub records: u64,
    /// Records whose `val` is NaN.
    pub gaps: u64,
    /// The sum of the other `val`s, exact: they are 0 and 1.
    pub sum: f64,
    /// The sum of `index`, modulo 2⁶⁴.
    pub indexes: u64,
    /// The sum of `timestamp`, modulo 2⁶⁴.
    pub timestamps: u64,
}

impl Totals {
    fn add(&mut self, index: i64, timestamp: i64, val: f64) {
        self.records += 1;
        self.indexes = self.indexes.wrapping_add(index.cast_unsigned());
        self.timestamps = self.timestamps.wrapping_add(timestamp.cast_unsigned());
        if val.is_nan() {
            self.gaps += 1;
        } else {
            self.sum += val;
        }
    }
}

// ANCHOR: convert
/// Writes the records to `files` files in `path`, a chunk at a time, and returns what it wrote.
///
/// The folder appears under its name when it is whole and its totals, read back, are those of
/// the records.
///
/// # Errors
///
/// Where a file cannot be read or written, or the table does not hold what the records do.
pub fn convert(data: DataFile, path: &Path, files: usize) -> Result<Totals> {
    let (records, offset) = (data.records(), data.offset());
    let mut data = data.into_file();
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(Error::io("create the folder", folder.display()))?;
    let partial = tempfile::Builder::new()
        .prefix("table-")
        // Executors may run as other users.
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in(folder)
        .map_err(Error::io("create a folder in", folder.display()))?;
    let bar = progress_bar(records);
    let mut written = Totals::default();
    for (nth, part) in batches(records, files).enumerate() {
        let path = partial.path().join(format!("part-{nth:04}.parquet"));
        let file = File::create_new(&path).map_err(Error::io("create", path.display()))?;
        let mut writer = ArrowWriter::try_new(file, schema(), Some(properties()))
            .map_err(Error::parquet(&path))?;
        let begin = offset + (part.start * size_of::<Record>()) as u64;
        let read = |data: &mut File, chunk: &mut [Record]| {
            data.read_exact(bytemuck::cast_slice_mut(chunk))
        };
        data.seek(SeekFrom::Start(begin))
            .map_err(Error::io("read", "the records"))?;
        let mut chunk = vec![<Record as bytemuck::Zeroable>::zeroed(); CHUNK.min(part.len())];
        for first in part.clone().step_by(CHUNK) {
            let chunk = &mut chunk[..CHUNK.min(part.end - first)];
            read(&mut data, chunk).map_err(Error::io("read", "the records"))?;
            for record in chunk.iter() {
                written.add(record.index, record.timestamp, record.val);
            }
            writer
                .write(&columns(chunk))
                .map_err(Error::parquet(&path))?;
            bar.inc(chunk.len() as u64);
        }
        writer.close().map_err(Error::parquet(&path))?;
    }
    bar.finish_and_clear();
    let read = totals(partial.path())?;
    if read != written {
        return Err(Error::NotTheRecords {
            path: path.to_owned(),
            why: format!("read back {read:?}, wrote {written:?}"),
        });
    }
    fs::rename(partial.path(), path).map_err(Error::io("make", path.display()))?;
    Ok(written)
}
// ANCHOR_END: convert

/// What the files of a table hold, read without any engine.
///
/// # Errors
///
/// Where a file cannot be read, or has other columns.
pub fn totals(path: &Path) -> Result<Totals> {
    let mut totals = Totals::default();
    for path in parts(path)? {
        let file = File::open(&path).map_err(Error::io("open", path.display()))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(|builder| builder.with_batch_size(CHUNK).build())
            .map_err(Error::parquet(&path))?;
        for batch in reader {
            let batch = batch.map_err(|error| Error::parquet(&path)(error.into()))?;
            if batch.schema().fields() != schema().fields() {
                return Err(Error::NotTheRecords {
                    path,
                    why: "it has other columns".to_owned(),
                });
            }
            let index = batch.column(0).as_primitive::<Int64Type>().values();
            let timestamp = batch
                .column(1)
                .as_primitive::<TimestampNanosecondType>()
                .values();
            let val = batch.column(2).as_primitive::<Float64Type>().values();
            for row in 0..batch.num_rows() {
                totals.add(index[row], timestamp[row], val[row]);
            }
        }
    }
    Ok(totals)
}

/// The files of a table, in order.
///
/// # Errors
///
/// [`Error::NoTable`] where there is none.
pub fn parts(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(path).map_err(|_| Error::NoTable(path.to_owned()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut parts: Vec<PathBuf> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "parquet")
        })
        .collect();
    parts.sort();
    if parts.is_empty() {
        return Err(Error::NoTable(path.to_owned()));
    }
    Ok(parts)
}

/// The size of a table's files, in bytes.
///
/// # Errors
///
/// See [`parts`].
pub fn bytes(path: &Path) -> Result<u64> {
    parts(path)?
        .iter()
        .map(|part| {
            Ok(part
                .metadata()
                .map_err(Error::io("read", part.display()))?
                .len())
        })
        .sum()
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("index", DataType::Int64, false),
        Field::new(
            "timestamp",
            DataType::Timestamp(TimeUnit::Nanosecond, None),
            false,
        ),
        Field::new("val", DataType::Float64, false),
    ]))
}

/// As writers of Parquet do it, a column of few values is a dictionary; numbers that grow
/// steadily are written as their differences.
fn properties() -> WriterProperties {
    let mut properties = WriterProperties::builder();
    for column in ["index", "timestamp"] {
        properties = properties
            .set_column_dictionary_enabled(column.into(), false)
            .set_column_encoding(column.into(), Encoding::DELTA_BINARY_PACKED);
    }
    properties.build()
}

fn columns(records: &[Record]) -> RecordBatch {
    let index = Int64Array::from_iter_values(records.iter().map(|record| record.index));
    let timestamp =
        TimestampNanosecondArray::from_iter_values(records.iter().map(|record| record.timestamp));
    let val = Float64Array::from_iter_values(records.iter().map(|record| record.val));
    RecordBatch::try_new(
        schema(),
        vec![Arc::new(index), Arc::new(timestamp), Arc::new(val)],
    )
    .expect("the columns are the schema's, and as long as each other")
}

fn progress_bar(records: usize) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:40} {percent:>3} % of {len} records, {eta} left");
    ProgressBar::new(records as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
