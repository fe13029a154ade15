//! Making the data: worker processes, each writing its part of one file.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;

use indicatif::{ProgressBar, ProgressStyle};
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::statvfs::statvfs;
use nix::unistd::linkat;
use process_pool::{Descriptor, Pool, StartMethod};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::Record;
use crate::error::{Error, Result};
use crate::file::DataFile;
use crate::npy::header;
use crate::room::require;

/// Records of one part. The parts, and so the data, do not depend on how many
/// workers share them.
const PART: usize = 1 << 20;

/// Records that a worker holds in memory at a time.
const CHUNK: usize = 1 << 14;

/// 2024-01-01 00:00 UTC. The notes took the clock's time; a seed asks for a time
/// that does not depend on when the data is made.
const FIRST_TIMESTAMP: i64 = 1_704_067_200_000_000_000;

/// Nanoseconds between two records.
const STEP: i64 = 1_000;

/// What a worker needs to know to write its part.
#[derive(Debug, Serialize, Deserialize)]
pub struct Part {
    file: Descriptor,
    /// Where the file's records begin, in bytes.
    offset: u64,
    first: usize,
    count: usize,
    seed: u64,
}

/// What the data of this seed depends on, in 16 digits: the source of the generator and
/// of the file's format, and the first records that they make, which also tell when
/// `rand` draws other numbers.
pub fn fingerprint(seed: u64) -> String {
    let mut hasher = DefaultHasher::new();
    for source in [
        include_str!("generate.rs"),
        include_str!("npy.rs"),
        include_str!("lib.rs"),
    ] {
        source.hash(&mut hasher);
    }
    for record in made(0..100, &mut generator(seed, 0)) {
        bytemuck::bytes_of(&record).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

/// Writes a file of `records` records to `path`, the same for the same seed, and returns
/// how many of the workers had a part in it.
///
/// The file appears under its name when it is whole, read-only: who maps it can
/// rely on that nobody writes to it. [`write_part`] must be registered.
///
/// # Errors
///
/// Where the disk has no room, the folder cannot be written, something else than a
/// data file is at `path`, or a worker fails. What was at `path` before is still there
/// then, and nothing else is: until it is whole the file has no name, where the file
/// system knows of such files (open(2), `O_TMPFILE`).
pub fn generate(path: &Path, records: usize, seed: u64, workers: usize) -> Result<usize> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    refuse_to_replace(path)?;
    fs::create_dir_all(folder).map_err(Error::io("create the folder", folder))?;
    require_disk(folder, records)?;

    let partial = Partial::create(folder, path)?;
    let header = header(records);
    partial.write(&header)?;
    let file = OwnedFd::from(partial.file.try_clone().map_err(Error::io("open", path))?);
    let file = Descriptor::from(file);

    let pool = Pool::builder(StartMethod::Spawn).workers(workers).start()?;
    let bar = progress_bar(records);
    let parts: Vec<_> = (0..records)
        .step_by(PART)
        .map(|first| {
            let part = Part {
                file: file.clone(),
                offset: header.len() as u64,
                first,
                count: PART.min(records - first),
                seed,
            };
            pool.submit(write_part, part)
        })
        .collect::<Result<_, _>>()?;
    let mut writers = HashSet::new();
    for part in parts {
        match part.wait()? {
            Ok((writer, written)) => {
                writers.insert(writer);
                bar.inc(written as u64);
            }
            Err(error) => return Err(Error::io("write", path)(std::io::Error::other(error))),
        }
    }
    drop(pool);
    bar.finish_and_clear();
    partial.rename_to(path)?;
    Ok(writers.len())
}

/// The task of a generating worker: returns which process it is and how many records it
/// wrote, or the system's word.
pub fn write_part(part: Part) -> Result<(u32, usize), String> {
    let file = part.file.as_fd().try_clone_to_owned().map(File::from);
    let file = file.map_err(|error| error.to_string())?;
    let mut random = generator(part.seed, part.first);
    let mut chunk = Vec::with_capacity(CHUNK);
    for first in (part.first..part.first + part.count).step_by(CHUNK) {
        let end = (first + CHUNK).min(part.first + part.count);
        chunk.clear();
        chunk.extend(made(first..end, &mut random));
        let offset = part.offset + (first * size_of::<Record>()) as u64;
        file.write_all_at(bytemuck::cast_slice(&chunk), offset)
            .map_err(|error| error.to_string())?;
    }
    Ok((process::id(), part.count))
}

/// The generator of the part that begins with record `first`. Each part has one of its
/// own, so the parts can be made in any order.
fn generator(seed: u64, first: usize) -> SmallRng {
    SmallRng::seed_from_u64(seed ^ (first as u64).rotate_left(32))
}

/// The records of these numbers, their values drawn from `random`.
fn made(numbers: Range<usize>, random: &mut SmallRng) -> impl Iterator<Item = Record> {
    numbers.map(|number| {
        let index = number as i64;
        Record {
            index,
            timestamp: FIRST_TIMESTAMP + index * STEP,
            val: [0.0, 1.0, f64::NAN][random.random_range(0..3)],
        }
    })
}

/// A data file may be replaced by another; a device, a link or somebody's letter not.
fn refuse_to_replace(path: &Path) -> Result<()> {
    let replaceable = match fs::symlink_metadata(path) {
        Ok(there) => there.is_file() && DataFile::open(path, None).is_ok(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(Error::io("examine", path)(error)),
    };
    if replaceable {
        Ok(())
    } else {
        Err(Error::InTheWay {
            path: path.to_path_buf(),
        })
    }
}

fn require_disk(folder: &Path, records: usize) -> Result<()> {
    let disk = statvfs(folder).map_err(|error| Error::io("examine", folder)(error.into()))?;
    let free = disk.blocks_available() * disk.fragment_size();
    require(
        "the data file",
        "disk space",
        records,
        (records * size_of::<Record>()) as u64,
        free,
    )
}

/// A bar on standard error where that is a terminal; nothing elsewhere.
fn progress_bar(records: usize) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:40} {percent:>3} % of {len} records, {eta} left");
    ProgressBar::new(records as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A file that has no name yet, or one of its own, which goes unless it is renamed.
struct Partial {
    path: PathBuf,
    named: bool,
    file: File,
}

impl Partial {
    fn create(folder: &Path, target: &Path) -> Result<Self> {
        let mut name = target.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.partial", std::process::id()));
        let path = target.with_file_name(name);
        let flags = OFlag::O_TMPFILE | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let (file, named) = match open(folder, flags, Mode::S_IRUSR | Mode::S_IWUSR) {
            Ok(file) => (File::from(file), false),
            // Not every file system has files without a name.
            Err(_) => {
                let file = OpenOptions::new().write(true).create_new(true).open(&path);
                (file.map_err(Error::io("create", &path))?, true)
            }
        };
        Ok(Self { path, named, file })
    }

    fn write(&self, header: &[u8]) -> Result<()> {
        self.file
            .write_all_at(header, 0)
            .map_err(Error::io("write", &self.path))
    }

    fn rename_to(mut self, target: &Path) -> Result<()> {
        let read_only = Permissions::from_mode(0o444);
        self.file
            .set_permissions(read_only)
            .map_err(Error::io("protect", &self.path))?;
        if !self.named {
            // A link cannot take the place of a file that is there; a rename can.
            let nameless = format!("/proc/self/fd/{}", self.file.as_raw_fd());
            let follow = AtFlags::AT_SYMLINK_FOLLOW;
            linkat(AT_FDCWD, nameless.as_str(), AT_FDCWD, &self.path, follow)
                .map_err(|error| Error::io("name", &self.path)(error.into()))?;
            self.named = true;
        }
        fs::rename(&self.path, target).map_err(Error::io("name", target))?;
        self.named = false;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.named {
            // It failed before: the error is on its way to who asked for the file.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests;
