//! The data file: NumPy's `.npy` with one structured type.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use command_line::grouped;
use nix::fcntl::OFlag;
use process_pool::{Buffer, Slice};

use crate::npy;
use crate::{Error, Record, Result};

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
        let header = npy::read(&mut file).map_err(not_data)?;
        let (holds, offset) = (header.records, header.offset);
        if !offset.is_multiple_of(align_of::<Record>() as u64) {
            return Err(not_data(format!(
                "its records begin at byte {offset}, unaligned"
            )));
        }
        let length = metadata.len();
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::npy::header;

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
        bytes.extend(bytemuck::cast_slice::<Record, u8>(&[
            record(0),
            record(1),
            record(2),
        ]));
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
    fn what_is_not_the_data_is_refused_with_what_it_is() {
        assert!(why("magic", b"PK\x03\x04 something else").contains("does not begin as"));
        assert!(why("empty", b"").contains("it ends within its header"));
        let mut short = three();
        short.pop();
        assert!(why("short", &short).contains("not its length of"));
        let mut long = three();
        long.push(0);
        assert!(why("long", &long).contains("not its length of"));
        // As many as have no size in bytes.
        assert!(why("overflow", &header(usize::MAX)).contains("not its length of"));
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
