//! The workers read the records out of this process's memory.

use std::error::Error;
use std::io::IoSliceMut;

use nix::errno::Errno;
use nix::libc;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::{Pid, getpid};
use process_pool::{Pool, StartMethod};
use records::{Record, batches, nansum};
use serde::{Deserialize, Serialize};

use super::{CHUNK, Sum};
use crate::data::Data;

/// Where the records are.
#[derive(Serialize, Deserialize)]
pub struct Place {
    process: i32,
    address: usize,
    records: usize,
}

/// A number of a process and a number of a place in its memory: nothing here knows whether
/// records are there (process_vm_readv(2)).
pub fn sum_remote(place: Place) -> Result<f64, String> {
    let process = Pid::from_raw(place.process);
    let mut chunk: Vec<Record> = vec![bytemuck::Zeroable::zeroed(); CHUNK.min(place.records)];
    let mut sum = 0.0;
    let mut done = 0;
    while done < place.records {
        let records = &mut chunk[..CHUNK.min(place.records - done)];
        // ANCHOR: there
        let there = RemoteIoVec {
            base: place.address + done * size_of::<Record>(),
            len: size_of_val(records),
        };
        let here = IoSliceMut::new(bytemuck::cast_slice_mut(records));
        match process_vm_readv(process, &mut [here], &[there]) {
            Ok(read) if read == there.len => {}
            Ok(read) => return Err(format!("expected {} bytes, read {read}", there.len)),
            Err(error) => return Err(format!("cannot read the parent's memory: {error}")),
        }
        // ANCHOR_END: there
        sum += nansum(records);
        done += records.len();
    }
    Ok(sum)
}

pub fn sum(data: &Data) -> Result<Sum<'_>, Box<dyn Error>> {
    allow_reading()?;
    Ok(Box::new(|| {
        let pool = Pool::builder(StartMethod::Spawn).workers(data.workers);
        let places = batches(data.records.len(), data.workers).map(|range| Place {
            process: getpid().as_raw(),
            address: data.records[range.clone()].as_ptr().addr(),
            records: range.len(),
        });
        let sums = pool.start()?.map(sum_remote, places)?;
        let sum = sums.into_iter().sum::<Result<f64, _>>()?;
        Ok(sum.into())
    }))
}

/// Where Yama lets a process read its descendants alone, lets any process of this user read
/// this one, as its children have to (ptrace(2), `PR_SET_PTRACER`).
fn allow_reading() -> nix::Result<()> {
    // SAFETY: this call reads no memory of the process.
    let allowed = unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY) };
    match Errno::result(allowed) {
        // Where there is no Yama, nobody has to be allowed.
        Err(Errno::EINVAL) => Ok(()),
        allowed => allowed.map(drop),
    }
}
