//! Since when a venue's private news may have been missed: marked before they can be, and unmarked once its records were compared.
//!
//! A life that ends before it has compared them leaves the mark to the next. A venue without one was heard until the journal was
//! written last.

use crate::config::VenueName;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tradewind_types::Timestamp;

/// The marks of a node's folder.
#[derive(Debug)]
pub struct Unheard {
    path: PathBuf,
    since: BTreeMap<VenueName, Timestamp>,
}

impl Unheard {
    /// Those of a folder, with one more for each of these venues that has none: at `heard_until`, as nothing of it is heard yet.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn open(folder: &Path, venues: impl Iterator<Item = VenueName>, heard_until: Timestamp) -> io::Result<Self> {
        let path = folder.join("unheard");
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let mut since = BTreeMap::new();
        for line in text.lines() {
            let (venue, at) = mark(line).ok_or_else(|| {
                let what = format!(
                    "`{line}` in {} is no venue and time; delete the file, and records are compared from when the journal was written last",
                    path.display()
                );
                io::Error::new(io::ErrorKind::InvalidData, what)
            })?;
            since.insert(venue, at);
        }
        venues.for_each(|venue| {
            since.entry(venue).or_insert(heard_until);
        });
        let this = Self { path, since };
        this.write()?;
        Ok(this)
    }

    /// Each venue that is marked, and since when.
    #[must_use]
    pub const fn marks(&self) -> &BTreeMap<VenueName, Timestamp> {
        &self.since
    }

    /// Marks a venue, or unmarks it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note(&mut self, venue: VenueName, since: Option<Timestamp>) -> io::Result<()> {
        match since {
            Some(at) => self.since.insert(venue, at),
            None => self.since.remove(&venue),
        };
        self.write()
    }

    /// All at once or not at all.
    fn write(&self) -> io::Result<()> {
        let unfinished = self.path.with_extension("unfinished");
        let mut file = File::create(&unfinished)?;
        for (venue, at) in &self.since {
            writeln!(file, "{} {}", venue.as_str(), at.0)?;
        }
        file.sync_all()?;
        std::fs::rename(&unfinished, &self.path)
    }
}

fn mark(line: &str) -> Option<(VenueName, Timestamp)> {
    let (venue, at) = line.split_once(' ')?;
    let venue = VenueName::ALL.into_iter().find(|name| name.as_str() == venue)?;
    Some((venue, Timestamp(at.parse().ok()?)))
}
