//! What the programs of this listing share: a process by its descriptor, the orphans that come
//! to a supervisor, jobs that go wrong, a worker with a family, and cgroups.

pub mod cgroup;
pub mod family;
pub mod job;
pub mod orphans;
pub mod process;
