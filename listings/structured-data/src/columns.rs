//! The same table in Arrow's layout: a column is a few arrays, and no array holds a pointer.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, RecordBatch};
use arrow_buffer::Buffer;
use arrow_data::ArrayData;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{FileDecoder, read_footer_length};
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use arrow_ipc::{CompressionType, root_as_footer};
use arrow_schema::{DataType, Field, Schema};
use memmap2::Mmap;

use crate::Result;
use crate::request::{Request, Row};

/// Rows of a batch: the unit in which an Arrow file is written and read.
const BATCH: usize = 100_000;

/// Bytes after the footer: its length, and `ARROW1`.
const TRAILER: usize = 10;

/// An Arrow file with all of `requests`.
///
/// # Errors
///
/// Where a batch has more than 2 GiB of strings: offsets are 32 bits here.
pub fn file(requests: &[Request], compression: Option<CompressionType>) -> Result<Vec<u8>> {
    let options = IpcWriteOptions::default().try_with_compression(compression)?;
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &schema(), options)?;
    for requests in requests.chunks(BATCH) {
        writer.write(&batch(requests)?)?;
    }
    Ok(writer.into_inner()?)
}

fn schema() -> Schema {
    let tag = Field::new_list_field(DataType::Utf8, true);
    Schema::new(vec![
        Field::new("path", DataType::Utf8, false),
        Field::new("user", DataType::Utf8, true),
        Field::new("milliseconds", DataType::Float64, true),
        Field::new_list("tags", tag, false),
    ])
}

fn batch(requests: &[Request]) -> Result<RecordBatch> {
    let mut path = StringBuilder::new();
    let mut user = StringBuilder::new();
    let mut milliseconds = Float64Builder::new();
    let mut tags = ListBuilder::new(StringBuilder::new());
    for request in requests {
        path.append_value(&request.path);
        user.append_option(request.user.as_ref());
        milliseconds.append_option(request.milliseconds);
        tags.append_value(request.tags.iter().map(Some));
    }
    Ok(RecordBatch::try_new(
        Arc::new(schema()),
        vec![
            Arc::new(path.finish()),
            Arc::new(user.finish()),
            Arc::new(milliseconds.finish()),
            Arc::new(tags.finish()),
        ],
    )?)
}

/// What a reader does about a file that is not as it should be.
#[derive(Debug, Default, Clone, Copy)]
pub struct Care {
    /// Refuse arrays that do not lie as their type needs it, in place of copying them.
    pub aligned: bool,
    /// Believe every offset and every string.
    pub trusting: bool,
}

/// The batches of an Arrow file that lies in `buffer`. Their arrays are parts of it, where
/// they can be.
///
/// # Errors
///
/// Where it is no such file, or one that [`Care`] refuses.
///
/// # Safety
///
/// With [`Care::trusting`], each offset has to lie within the array that it leads into, and
/// each string has to be UTF-8.
// ANCHOR: open
pub unsafe fn batches(buffer: &Buffer, care: Care) -> Result<Vec<RecordBatch>> {
    let trailer = buffer.len().checked_sub(TRAILER).ok_or("no Arrow file")?;
    let length = read_footer_length(buffer[trailer..].try_into()?)?;
    let footer = trailer.checked_sub(length).ok_or("no Arrow file")?;
    let footer = root_as_footer(&buffer[footer..trailer]).map_err(|error| error.to_string())?;
    let schema = try_fb_to_schema(footer.schema().ok_or("no schema")?)?;
    let decoder =
        FileDecoder::new(Arc::new(schema), footer.version()).with_require_alignment(care.aligned);
    // SAFETY: the caller's.
    let decoder = unsafe { decoder.with_skip_validation(care.trusting) };

    let mut batches = Vec::new();
    for block in footer.recordBatches().iter().flatten() {
        let begin = usize::try_from(block.offset())?;
        let length = usize::try_from(block.metaDataLength())?
            .checked_add(usize::try_from(block.bodyLength())?)
            .filter(|length| begin <= trailer && *length <= trailer - begin)
            .ok_or("a batch beyond the end of the file")?;
        let block_bytes = buffer.slice_with_length(begin, length);
        batches.extend(decoder.read_record_batch(block, &block_bytes)?);
    }
    Ok(batches)
}
// ANCHOR_END: open

// ANCHOR: buffer
/// A mapping as Arrow takes it: as an owner of bytes, which is unmapped when the last array
/// that lies in it is dropped.
pub fn buffer(map: Mmap) -> Buffer {
    Buffer::from(bytes::Bytes::from_owner(map))
}
// ANCHOR_END: buffer

/// The rows of a batch as a question sees them. Nothing is copied: a string is a part of the
/// column's bytes, between two of its offsets.
///
/// # Errors
///
/// Where the batch has other columns than [`file`] writes.
// ANCHOR: rows
pub fn rows(batch: &RecordBatch) -> Result<impl Iterator<Item = Row<'_>>> {
    let column = |name| batch.column_by_name(name).ok_or("a column is missing");
    let wrong = "a column is of another type";
    let path = column("path")?.as_string_opt::<i32>().ok_or(wrong)?;
    let user = column("user")?.as_string_opt::<i32>().ok_or(wrong)?;
    let milliseconds = column("milliseconds")?;
    let milliseconds = milliseconds
        .as_primitive_opt::<Float64Type>()
        .ok_or(wrong)?;
    let tags = column("tags")?.as_list_opt::<i32>().ok_or(wrong)?;
    let tag = tags.values().as_string_opt::<i32>().ok_or(wrong)?;
    Ok((0..batch.num_rows()).map(move |row| Row {
        path: path.value(row),
        user: user.is_valid(row).then(|| user.value(row)),
        milliseconds: milliseconds.is_valid(row).then(|| milliseconds.value(row)),
        retried: places(tags.value_offsets(), row).any(|place| tag.value(place) == "retried"),
    }))
}
// ANCHOR_END: rows

/// Where the elements of a list are, by the offsets of its column.
fn places(offsets: &[i32], row: usize) -> Range<usize> {
    offsets[row] as usize..offsets[row + 1] as usize
}

/// An array of a column: of which, what it is for, and its bytes.
pub struct Part {
    /// The column, or `tags, each` for what lies in its lists.
    pub column: String,
    /// `validity`, `offsets` or `values`.
    pub role: &'static str,
    /// The bytes.
    pub bytes: Buffer,
}

/// Every array of `batch`.
pub fn parts(batch: &RecordBatch) -> Vec<Part> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let mut parts = Vec::new();
    for (field, column) in columns {
        collect(field.name(), &column.to_data(), &mut parts);
    }
    parts
}

fn collect(column: &str, data: &ArrayData, parts: &mut Vec<Part>) {
    let part = |role, bytes: &Buffer| Part {
        column: column.to_owned(),
        role,
        bytes: bytes.clone(),
    };
    let validity = data.nulls().map(|nulls| part("validity", nulls.buffer()));
    parts.extend(validity);
    let roles: &[&str] = match data.data_type() {
        DataType::Utf8 | DataType::List(_) => &["offsets", "values"],
        _ => &["values"],
    };
    parts.extend(
        roles
            .iter()
            .zip(data.buffers())
            .map(|(role, bytes)| part(role, bytes)),
    );
    for child in data.child_data() {
        collect(&format!("{column}, each"), child, parts);
    }
}

/// How many of the arrays of `batches` lie within `memory`, and how many there are.
pub fn within(batches: &[RecordBatch], memory: &Range<*const u8>) -> (usize, usize) {
    let parts: Vec<Part> = batches.iter().flat_map(parts).collect();
    let inside = parts.iter().filter(|part| {
        let bytes = part.bytes.as_slice().as_ptr_range();
        memory.start <= bytes.start && bytes.end <= memory.end
    });
    (inside.count(), parts.len())
}
