//! A lock that tells its next owner that the last one died with it.

use std::cell::UnsafeCell;
use std::io;
use std::mem::MaybeUninit;

use nix::errno::Errno;
use nix::libc;

use crate::shared::{Shareable, Shared};

/// A mutex of POSIX between processes, with what becomes of it when its owner dies
/// (pthread_mutexattr_setrobust(3)). It protects no value: it says that its owner lives.
///
/// Forked children have it too. It stays mapped until the process ends, since a thread that has
/// it keeps its address in a list (set_robust_list(2)).
pub struct RobustMutex(&'static Memory);

#[repr(C, align(128))]
struct Memory(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: all of it is within an `UnsafeCell`, which the functions of pthreads(7) alone reach;
// it is made of integers, for which any bytes are a value (those functions need more, see
// `RobustMutex::new`); with PTHREAD_PROCESS_SHARED it means the same in each process.
unsafe impl Shareable for Memory {}

/// How a lock was had, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locked {
    /// From nobody, or from an owner that let it go.
    Clean,
    /// From an owner that died (`EOWNERDEAD`). To be marked consistent before it is let go.
    OwnerDied,
    /// Its owner lives (`EBUSY`).
    Busy,
}

impl RobustMutex {
    /// A free mutex in new shared memory.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn new() -> io::Result<Self> {
        let memory = Shared::<Memory>::map(&Shared::<Memory>::memory()?)?;
        let mut attributes = MaybeUninit::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: the first call makes the attributes; the mutex is in memory of its own size
        // and alignment, and nobody else has that yet.
        unsafe {
            check(libc::pthread_mutexattr_init(attributes))?;
            let shared = libc::PTHREAD_PROCESS_SHARED;
            check(libc::pthread_mutexattr_setpshared(attributes, shared))?;
            let robust = libc::PTHREAD_MUTEX_ROBUST;
            check(libc::pthread_mutexattr_setrobust(attributes, robust))?;
            check(libc::pthread_mutex_init(memory.0.get(), attributes))?;
        }
        Ok(Self(Box::leak(Box::new(memory))))
    }

    /// Locks it, if its owner does not live.
    ///
    /// # Errors
    ///
    /// `ENOTRECOVERABLE` where it was let go without [`mark_consistent`](Self::mark_consistent)
    /// after its owner had died.
    pub fn try_lock(&self) -> io::Result<Locked> {
        // SAFETY: `new` made it, and it is never moved or unmapped.
        match check(unsafe { libc::pthread_mutex_trylock(self.0.0.get()) }) {
            Ok(()) => Ok(Locked::Clean),
            Err(Errno::EOWNERDEAD) => Ok(Locked::OwnerDied),
            Err(Errno::EBUSY) => Ok(Locked::Busy),
            Err(error) => Err(error.into()),
        }
    }

    /// Locks it, and waits while its owner lives.
    ///
    /// # Errors
    ///
    /// As [`try_lock`](Self::try_lock).
    pub fn lock(&self) -> io::Result<Locked> {
        // SAFETY: as in `try_lock`.
        match check(unsafe { libc::pthread_mutex_lock(self.0.0.get()) }) {
            Ok(()) => Ok(Locked::Clean),
            Err(Errno::EOWNERDEAD) => Ok(Locked::OwnerDied),
            Err(error) => Err(error.into()),
        }
    }

    /// Says that all is well again, after [`Locked::OwnerDied`].
    ///
    /// # Errors
    ///
    /// `EINVAL` where nothing has to be said.
    pub fn mark_consistent(&self) -> io::Result<()> {
        // SAFETY: as in `try_lock`.
        Ok(check(unsafe {
            libc::pthread_mutex_consistent(self.0.0.get())
        })?)
    }

    /// Lets it go.
    ///
    /// # Errors
    ///
    /// `EPERM` where this thread does not have it.
    pub fn unlock(&self) -> io::Result<()> {
        // SAFETY: as in `try_lock`.
        Ok(check(unsafe {
            libc::pthread_mutex_unlock(self.0.0.get())
        })?)
    }
}

/// The functions of pthreads(7) return their error.
fn check(error: libc::c_int) -> Result<(), Errno> {
    match error {
        0 => Ok(()),
        error => Err(Errno::from_raw(error)),
    }
}
