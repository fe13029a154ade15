//! The mappings of this process, as /proc/self/smaps tells them (proc(5)).

use std::fs;
use std::ops::Range;

/// A stretch of this process's memory.
pub struct Mapping {
    /// Its addresses.
    pub range: Range<usize>,
    /// The file that it maps, `[heap]`, `[stack]`, or nothing.
    pub name: String,
    sizes: Vec<(String, u64)>,
}

impl Mapping {
    /// The size that is called so, in KiB; 0 where this system has none of the name.
    pub fn kib(&self, size: &str) -> u64 {
        let found = self.sizes.iter().find(|(name, _)| name == size);
        found.map_or(0, |&(_, kib)| kib)
    }

    /// `55d0c000-55d0f000 r-xp 00002000 fe:01 4711    /usr/bin/cat`
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (from, to) = words.next()?.split_once('-')?;
        let address = |hex| usize::from_str_radix(hex, 16).ok();
        Some(Self {
            range: address(from)?..address(to)?,
            name: words.nth(4).unwrap_or_default().to_owned(),
            sizes: Vec::new(),
        })
    }
}

/// The mappings of this process, by address.
pub fn own_mappings() -> Vec<Mapping> {
    let smaps = fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in smaps.lines() {
        let size = line.split_once(':').and_then(|(name, size)| {
            let kib = size.trim().strip_suffix(" kB")?.parse().ok()?;
            Some((name.to_owned(), kib))
        });
        match (size, mappings.last_mut()) {
            (Some(size), Some(mapping)) => mapping.sizes.push(size),
            _ => mappings.extend(Mapping::parse(line)),
        }
    }
    mappings
}

/// The mapping that holds this address, if any.
pub fn mapping_of(address: usize) -> Option<Mapping> {
    let mut mappings = own_mappings().into_iter();
    mappings.find(|mapping| mapping.range.contains(&address))
}
