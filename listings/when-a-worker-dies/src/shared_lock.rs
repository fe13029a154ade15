//! A lock that lies in memory that several processes share, with what it protects.

use std::cell::UnsafeCell;
use std::io;
use std::mem::MaybeUninit;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::libc;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

/// What becomes of the lock when its owner dies (pthread_mutexattr_setrobust(3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Robustness {
    /// It stays locked.
    Stalled,
    /// The next one that locks it has it, and learns of the death.
    Robust,
}

/// How the lock was had.
#[derive(Debug, PartialEq, Eq)]
pub enum Locked {
    /// From an owner that had let it go.
    Clean,
    /// From an owner that died with it, in the middle of something.
    OwnerDied,
}

/// A mutex of this process and of those that it forks, and a value that it protects: plain
/// numbers, which mean the same in each of them.
pub struct SharedLock<T>(NonNull<Inner<T>>);

struct Inner<T> {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    value: UnsafeCell<T>,
}

impl<T: Copy> SharedLock<T> {
    /// In memory that stays shared after a fork (mmap(2), `MAP_SHARED`), until the last
    /// of these processes has ended.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn new(robustness: Robustness, value: T) -> io::Result<Self> {
        let size = NonZeroUsize::new(size_of::<Inner<T>>()).ok_or(io::ErrorKind::InvalidInput)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: new memory at an address that the kernel chooses.
        let memory = unsafe { mmap_anonymous(None, size, access, MapFlags::MAP_SHARED) }?;
        let inner = memory.cast::<Inner<T>>();
        let mut attributes = MaybeUninit::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: `inner` is page-aligned, and as large as an `Inner`, whose two fields
        // are written here before anybody reads them. The attributes are made by the first
        // call, and no other process or thread knows of either.
        unsafe {
            (&raw mut (*inner.as_ptr()).value).write(UnsafeCell::new(value));
            check(libc::pthread_mutexattr_init(attributes))?;
            check(libc::pthread_mutexattr_setpshared(
                attributes,
                libc::PTHREAD_PROCESS_SHARED,
            ))?;
            if robustness == Robustness::Robust {
                check(libc::pthread_mutexattr_setrobust(
                    attributes,
                    libc::PTHREAD_MUTEX_ROBUST,
                ))?;
            }
            let mutex = UnsafeCell::raw_get(&raw const (*inner.as_ptr()).mutex);
            check(libc::pthread_mutex_init(mutex, attributes))?;
        }
        Ok(Self(inner))
    }

    /// Locks it; gives up after `patience` with `ETIMEDOUT`.
    ///
    /// # Errors
    ///
    /// `ENOTRECOVERABLE` where it was let go without [`mark_consistent`](Self::mark_consistent)
    /// after its owner had died.
    pub fn lock(&self, patience: Duration) -> Result<Locked, Errno> {
        // The clock that pthread_mutex_timedlock(3) reads.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let until = now.unwrap_or_default() + patience;
        let until = libc::timespec {
            tv_sec: until.as_secs() as libc::time_t,
            tv_nsec: until.subsec_nanos().into(),
        };
        // SAFETY: the mutex was initialised in `new`, and is never moved or unmapped.
        let locked = unsafe { libc::pthread_mutex_timedlock(self.mutex(), &until) };
        match check(locked) {
            Ok(()) => Ok(Locked::Clean),
            Err(Errno::EOWNERDEAD) => Ok(Locked::OwnerDied),
            Err(error) => Err(error),
        }
    }

    /// Says that the value is whole again, after [`Locked::OwnerDied`].
    ///
    /// # Errors
    ///
    /// `EINVAL` where nothing has to be said.
    pub fn mark_consistent(&self) -> Result<(), Errno> {
        // SAFETY: as in `lock`.
        check(unsafe { libc::pthread_mutex_consistent(self.mutex()) })
    }

    /// Lets it go.
    ///
    /// # Errors
    ///
    /// `EPERM` where this thread does not have it.
    pub fn unlock(&self) -> Result<(), Errno> {
        // SAFETY: as in `lock`.
        check(unsafe { libc::pthread_mutex_unlock(self.mutex()) })
    }

    /// The value now. Only the one that has the lock knows that it stays so.
    pub fn value(&self) -> T {
        // SAFETY: `new` wrote it, and nobody unmaps it. This type is not `Sync`, so no other
        // thread of this process writes; another process may, and a volatile read takes
        // what is there at that moment.
        unsafe { self.0.as_ref().value.get().read_volatile() }
    }

    /// Changes the value. Only the one that has the lock may.
    pub fn set(&self, value: T) {
        // SAFETY: as in `value`.
        unsafe { self.0.as_ref().value.get().write_volatile(value) }
    }

    fn mutex(&self) -> *mut libc::pthread_mutex_t {
        // SAFETY: `new` made it, and nobody unmaps it.
        unsafe { self.0.as_ref().mutex.get() }
    }
}

/// The functions of pthreads(7) return their error.
fn check(error: libc::c_int) -> Result<(), Errno> {
    match error {
        0 => Ok(()),
        error => Err(Errno::from_raw(error)),
    }
}
