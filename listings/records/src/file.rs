//! The data file: NumPy's `.npy` with one structured type.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use command_line::grouped;
use nix::fcntl::OFlag;
use npyz::{DType, NpyHeader, Order, WriterBuilder};
use process_pool::{Buffer, Slice};

use crate::{Error, Record, Result};

/// What NumPy calls the type of a [`Record`].
const DTYPE: &str = "[('index', '<i8'), ('timestamp', '<M8[ns]'), ('val', '<f8')]";

/// An open data file, found to hold at least the records that were asked for.
#[derive(Debug)]
pub struct DataFile {
    path: PathBuf,
    file: File,
    /// Where the first record begins, in bytes.
    offset: u64,
    records: usize,
}

impl DataFile {
    /// Opens `path` for its first `asked` records, or for all of them.
    ///
    /// # Errors
    ///
    /// What is no `.npy` file, has another type or shape, is shorter than its header
    /// says or than `asked`.
    pub fn open(path: &Path, asked: Option<usize>) -> Result<Self> {
        // Without waiting: a named pipe would have this wait for a writer.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(path);
        let mut file = file.map_err(Error::io("open", path))?;
        let not_data = |why: String| Error::NotData {
            path: path.to_path_buf(),
            why,
        };

        let metadata = file.metadata().map_err(Error::io("read", path))?;
        if !metadata.is_file() {
            return Err(not_data("it is no regular file".to_string()));
        }
        let header = read_header(&mut file).map_err(not_data)?;
        if header.dtype().descr() != dtype().descr() {
            let why = format!("its type is {}, not {DTYPE}", header.dtype().descr());
            return Err(not_data(why));
        }
        if header.order() != Order::C || header.shape().len() != 1 {
            let why = format!(
                "its shape is {:?}, not one dimension in C order",
                header.shape()
            );
            return Err(not_data(why));
        }
        let offset = file.stream_position().map_err(Error::io("read", path))?;
        if !offset.is_multiple_of(align_of::<Record>() as u64) {
            return Err(not_data(format!(
                "its records begin at byte {offset}, unaligned"
            )));
        }
        let length = metadata.len();
        let holds = header.len();
        let needed = holds
            .checked_mul(size_of::<Record>() as u64)
            .and_then(|b| b.checked_add(offset));
        if needed != Some(length) {
            let why = format!(
                "its header says {} records, which is not its length of {length} bytes",
                grouped(holds as usize)
            );
            return Err(not_data(why));
        }
        let holds = holds as usize;
        let records = asked.unwrap_or(holds);
        if records > holds {
            return Err(Error::TooFew {
                path: path.to_path_buf(),
                holds: grouped(holds),
                asked: grouped(records),
            });
        }
        Ok(Self {
            path: path.to_path_buf(),
            file,
            offset,
            records,
        })
    }

    /// How many records are asked for; the file may hold more.
    pub fn records(&self) -> usize {
        self.records
    }

    /// Their size in bytes.
    pub fn bytes(&self) -> u64 {
        self.records as u64 * size_of::<Record>() as u64
    }

    /// Where the first record begins, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Refuses a file that somebody may write to: it must not change while it is mapped.
    ///
    /// # Errors
    ///
    /// [`Error::Writable`], for any write permission.
    pub fn require_read_only(&self) -> Result<()> {
        let metadata = self.file.metadata();
        let metadata = metadata.map_err(Error::io("read", self.path.as_path()))?;
        match metadata.permissions().mode() & 0o222 {
            0 => Ok(()),
            _ => Err(Error::Writable {
                path: self.path.clone(),
            }),
        }
    }

    /// The open file itself, for those who map it or send its descriptor.
    pub fn into_file(self) -> File {
        self.file
    }

    /// Reads the records into private memory.
    ///
    /// # Errors
    ///
    /// If there is not enough of it, or the file cannot be read.
    pub fn load(mut self) -> Result<Slice<Record>> {
        let failed = |error| Error::io("read", self.path.as_path())(error);
        self.file
            .seek(SeekFrom::Start(self.offset))
            .map_err(failed)?;
        let buffer = Buffer::read_from(self.file.as_fd(), self.bytes() as usize).map_err(failed)?;
        // `open` has checked length and alignment.
        Slice::from_bytes(Bytes::from_owner(buffer)).ok_or_else(|| Error::NotData {
            path: self.path.clone(),
            why: "it does not hold whole records".to_string(),
        })
    }
}

/// The longest header that is read, in bytes: that of a data file has 192.
const LONGEST_HEADER: usize = 4096;

/// Reads the header and leaves the file at the first record; else says what is wrong.
fn read_header(file: &mut File) -> Result<NpyHeader, String> {
    let refused = |error: std::io::Error| {
        // The message may quote the file, which may hold anything.
        let text: String = error.to_string().chars().take(100).collect();
        text.replace(|c: char| c.is_control(), " ")
    };
    let mut start = Vec::new();
    Read::by_ref(file)
        .take(LONGEST_HEADER as u64)
        .read_to_end(&mut start)
        .map_err(refused)?;
    // Before npyz multiplies the shape out: more digits than any file has records.
    let text = String::from_utf8_lossy(&start);
    let shape = text.split("'shape'").nth(1).unwrap_or_default();
    let shape = shape.split(')').next().unwrap_or_default();
    if shape.chars().filter(char::is_ascii_digit).count() > 15 {
        return Err("its shape is larger than any file".to_string());
    }
    let mut rest = start.as_slice();
    let header = NpyHeader::from_reader(&mut rest).map_err(refused)?;
    let offset = start.len() - rest.len();
    file.seek(SeekFrom::Start(offset as u64)).map_err(refused)?;
    Ok(header)
}

/// The header of a data file of `records` records.
pub(crate) fn header(records: usize) -> Vec<u8> {
    let mut header = Vec::new();
    npyz::WriteOptions::new_header_only()
        .dtype(dtype())
        .shape(&[records as u64])
        .writer(&mut header)
        .write_header_only()
        .expect("writing to memory does not fail");
    header
}

fn dtype() -> DType {
    DType::parse(DTYPE).expect("a constant, parsed in every test")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use zerocopy::IntoBytes;

    use super::*;

    /// A file in a folder that goes with it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str, bytes: &[u8]) -> Self {
            let path = std::env::temp_dir().join(format!("records-{}-{name}", std::process::id()));
            fs::write(&path, bytes).expect("write");
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn three() -> Vec<u8> {
        let record = |index| Record {
            index,
            timestamp: 7,
            val: 1.0,
        };
        let mut bytes = header(3);
        bytes.extend([record(0), record(1), record(2)].as_bytes());
        bytes
    }

    fn why(name: &str, bytes: &[u8]) -> String {
        let file = Scratch::new(name, bytes);
        DataFile::open(&file.0, None)
            .expect_err("refused")
            .to_string()
    }

    #[test]
    fn a_prefix_of_the_records_can_be_asked_for_but_not_more() {
        let file = Scratch::new("three", &three());
        assert_eq!(DataFile::open(&file.0, None).expect("opens").records(), 3);
        let two = DataFile::open(&file.0, Some(2))
            .expect("opens")
            .load()
            .expect("loads");
        assert_eq!(two.iter().map(|r| r.index).collect::<Vec<_>>(), [0, 1]);
        let error = DataFile::open(&file.0, Some(4))
            .expect_err("too few")
            .to_string();
        assert!(
            error.contains("holds 3 records, 4 were asked for"),
            "{error}"
        );
    }

    #[test]
    fn the_first_record_is_aligned_for_a_mapping() {
        assert!(header(200_000_000).len().is_multiple_of(64));
    }

    #[test]
    fn what_is_not_the_data_is_refused_with_what_it_is() {
        assert!(why("magic", b"PK\x03\x04 something else").contains("is not a data file"));
        assert!(why("empty", b"").contains("is not a data file"));
        let mut short = three();
        short.pop();
        assert!(why("short", &short).contains("not its length of"));
        let mut long = three();
        long.push(0);
        assert!(why("long", &long).contains("not its length of"));
        let columns = |dtype: &str, shape: &[u64]| {
            let mut bytes = Vec::new();
            npyz::WriteOptions::new_header_only()
                .dtype(DType::parse(dtype).expect("dtype"))
                .shape(shape)
                .writer(&mut bytes)
                .write_header_only()
                .expect("writes");
            bytes
        };
        assert!(why("floats", &columns("'<f8'", &[0])).contains("its type is '<f8', not"));
        assert!(why("plane", &columns(DTYPE, &[0, 2])).contains("its shape is [0, 2]"));
        let overflow = columns(DTYPE, &[u64::MAX / 24 + 1]);
        assert!(why("overflow", &overflow).contains("larger than any file"));
        // Written by hand: the product of its sides is no number for the writer either.
        let side = 1u64 << 40;
        let text =
            format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({side}, {side})}}\n");
        let start = b"\x93NUMPY\x01\x00";
        let cube = [
            &start[..],
            &(text.len() as u16).to_le_bytes(),
            text.as_bytes(),
        ]
        .concat();
        assert!(why("cube", &cube).contains("larger than any file"));
        assert!(
            why(
                "garbage",
                &[b"\x93NUMPY\x01\x00\x76\x00", &[b'x'; 9000][..]].concat()
            )
            .len()
                < 300
        );
    }

    #[test]
    fn what_is_no_regular_file_is_refused_without_waiting() {
        let path = std::env::temp_dir().join(format!("records-{}-fifo", std::process::id()));
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a named pipe");
        let error = DataFile::open(&path, None)
            .expect_err("refused")
            .to_string();
        fs::remove_file(&path).expect("it is there");
        assert!(error.contains("no regular file"), "{error}");
    }

    #[test]
    fn a_file_that_can_be_written_to_is_not_mapped() {
        let file = Scratch::new("writable", &three());
        let open = || DataFile::open(&file.0, None).expect("opens");
        assert!(open().require_read_only().is_err());
        fs::set_permissions(&file.0, fs::Permissions::from_mode(0o444)).expect("chmod");
        assert!(open().require_read_only().is_ok());
    }
}
