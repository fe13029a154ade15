//! A pool of worker processes: the same functions, called by the same code,
//! whether the workers are forked, spawned, or forked by a server.
//!
//! ```no_run
//! use process_pool::{Pool, StartMethod, Tasks};
//!
//! fn square(x: u64) -> u64 {
//!     x * x
//! }
//!
//! fn main() -> Result<(), process_pool::Error> {
//!     // A spawned worker runs tasks in this call and never returns from it.
//!     Tasks::new().add(square).serve_if_worker();
//!
//!     let pool = Pool::builder(StartMethod::Spawn).workers(4).start()?;
//!     let squares = pool.map(square, 1..=3)?;
//!     assert_eq!(squares, [1, 4, 9]);
//!     Ok(())
//! }
//! ```
//!
//! How the data flows: an argument is encoded in the parent ([`Slice`]s and
//! [`Descriptor`]s travel next to the encoding, uncopied). Where a worker is idle, the
//! caller's own thread sends the call through that worker's socket and, if it then waits,
//! receives the reply; no other thread wakes. Where none is, the call waits in one queue,
//! from which the thread of each worker takes its share: a call, or many small ones in one
//! frame. The worker looks each function up by name, calls it, and hands the encoded result
//! back before it begins the next; what it has not begun is taken back where another worker
//! has nothing to do, or the call before it is slow. A worker that ends without a reply is
//! seen by a descriptor of its process, beside the socket: another one takes its place, and
//! its call runs again where it has [`retries`](Builder::retries), or has an [`Error`] that
//! says how the worker ended. A value that would not arrive as it was sent is an error at
//! its sender ([`Tasks::add`]).

mod child;
mod error;
mod fork;
mod guard;
mod parent;
mod pidfd;
mod registry;
mod wire;

#[cfg(any(test, fuzzing))]
pub mod fuzzing;

pub use error::{Ending, Error, Forker, Result};
pub use parent::events::{Event, Statistics};
pub use parent::pool::{Builder, Pool, Task};
pub use parent::queue::Unfinished;
pub use parent::start::StartMethod;
pub use registry::Tasks;
pub use wire::buffer::Buffer;
pub use wire::message::{Descriptor, Slice};
