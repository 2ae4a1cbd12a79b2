//! Blocks → entries. A block is read whole and proven before the first of its records is given out.
//!
//! A reader begins at a volume's header or, where a snapshot makes what is before superfluous, at a [`Place`] behind it; at the
//! end of a volume it goes on in the next one, which must say that it follows.

use crate::entry::{Applicable, Entry, Kind, lend_outcome, seq_of};
use crate::error::{JournalError, Part};
use crate::format::{
    Anchor, BLOCK_HEADER_BYTES, BlockHeader, CRC_BYTES, ChainHash, HASH_BYTES, Header, Link, PREAMBLE_BYTES, Place, RECORD_HEAD_BYTES,
    RunFacts, decode_header, decode_preamble, hash_at, may_begin_block, u32_at,
};
use crate::verification::Verification;
use std::io::{self, Read, Seek, SeekFrom};

/// Entries one after the other, from one volume or from many.
pub trait Entries {
    /// The next entry; `None` at the end, torn or not.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`], [`JournalError::Io`], and of a folder [`JournalError::InVolume`].
    fn next_entry(&mut self) -> Result<Option<Entry>, JournalError>;

    /// Reads on to the end and lends what recovery needs, in order. Inputs are proven and counted like everything else, and not
    /// taken apart: what they caused stands in the outcomes. After an error, of the journal or of `apply`, nothing more is given.
    ///
    /// # Errors
    /// As [`Self::next_entry`]; whatever `apply` says.
    fn recover<E: From<JournalError>>(&mut self, apply: impl FnMut(Applicable<'_>) -> Result<(), E>) -> Result<(), E>;

    /// What ran, on what; market data declared so far included.
    fn facts(&self) -> &RunFacts;

    /// What was seen so far; complete once the entries have come to their end.
    fn verification(&self) -> &Verification;
}

/// Where a record of the block is.
#[derive(Clone, Copy, Debug)]
struct Framed {
    kind: u8,
    body_at: usize,
    length: usize,
    next: usize,
}

/// Reads a volume entry by entry. After an error or the end it gives nothing more.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    facts: RunFacts,
    link: Link,
    seen: Verification,
    /// Bytes of this volume that are proven, or before the place at which reading began.
    volume_bytes: u64,
    header_bytes: u64,
    /// The current block, header and hash included, and what is left of it.
    block: Vec<u8>,
    block_start: u64,
    records_end: usize,
    at: usize,
    records_left: u32,
    over: bool,
}

impl<R: Read> Reader<R> {
    /// Reads a volume's header.
    ///
    /// # Errors
    /// [`JournalError::NotAJournal`], [`JournalError::HeaderTorn`], [`JournalError::UnsupportedFormat`],
    /// [`JournalError::UnsupportedSchema`], [`JournalError::Corrupt`], [`JournalError::Io`].
    pub fn new(mut source: R) -> Result<Self, JournalError> {
        let header = read_header(&mut source)?;
        let anchor = Anchor { blocks: header.link.anchor.blocks, head: header.root };
        let mut seen = Verification::before_anything(anchor, header.link.last_input_seq);
        seen.intact_bytes = header.bytes;
        Ok(Self::reading(source, header, seen))
    }

    fn reading(source: R, header: Header, seen: Verification) -> Self {
        let Header { facts, link, bytes, .. } = header;
        Self {
            source,
            facts,
            link,
            seen,
            volume_bytes: bytes,
            header_bytes: bytes,
            block: Vec::new(),
            block_start: 0,
            records_end: 0,
            at: 0,
            records_left: 0,
            over: false,
        }
    }

    /// Goes on in the next volume, once this one has come to its end: the next one must link to it, and there must be no tear
    /// between them.
    ///
    /// # Errors
    /// As [`Self::new`]; [`JournalError::Corrupt`] where it does not follow.
    pub(crate) fn follow(&mut self, mut source: R) -> Result<(), JournalError> {
        let header = read_header(&mut source)?;
        let due = Link { volume: self.link.volume + 1, anchor: self.seen.anchor(), last_input_seq: self.seen.last_input_seq };
        let volume_bytes = std::mem::take(&mut self.volume_bytes);
        let words = |link: &Link| format!("volume {} after {}", link.volume, link.anchor);
        self.block_start = 0;
        if self.seen.torn_bytes > 0 {
            let found = format!("{} bytes of an unfinished block at byte {volume_bytes} of it", self.seen.torn_bytes);
            return Err(self.damage(Part::Chain, 0, ("a whole volume before this one".into(), found)));
        }
        if header.link != due {
            return Err(self.damage(Part::Chain, 0, (words(&due), words(&header.link))));
        }
        if header.facts != self.facts {
            return Err(self.damage(Part::FileHeader, 0, ("the facts of the volume before".into(), "others".into())));
        }
        self.source = source;
        self.link = header.link;
        (self.volume_bytes, self.header_bytes) = (header.bytes, header.bytes);
        self.seen.volumes += 1;
        self.seen.head = header.root;
        self.seen.intact_bytes += header.bytes;
        self.over = false;
        Ok(())
    }

    /// What ran, on what; market data declared so far included.
    #[must_use]
    pub const fn facts(&self) -> &RunFacts {
        &self.facts
    }

    /// Where the volume joins the chain.
    #[must_use]
    pub const fn link(&self) -> &Link {
        &self.link
    }

    pub(crate) const fn header_bytes(&self) -> u64 {
        self.header_bytes
    }

    /// What was seen so far; complete once the entries have come to their end.
    #[must_use]
    pub const fn verification(&self) -> &Verification {
        &self.seen
    }

    /// Behind the last block that was read, once all of its entries were given out: reading can begin again there.
    pub(crate) fn end(&self) -> Place {
        Place {
            volume: self.link.volume,
            offset: self.volume_bytes,
            anchor: self.seen.anchor(),
            last_input_seq: self.seen.last_input_seq,
            segments: self.facts.segments.clone(),
        }
    }

    /// The next entry; `None` at the end, torn or not.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`], [`JournalError::Io`].
    #[inline]
    pub fn next_entry(&mut self) -> Result<Option<Entry>, JournalError> {
        if self.over {
            return Ok(None);
        }
        if self.records_left == 0 && !self.next_block()? {
            return Ok(None);
        }
        self.next_record().map(Some)
    }

    /// Reads and proves the next block; false at the end. `over` stays set unless all went well.
    fn next_block(&mut self) -> Result<bool, JournalError> {
        self.over = true;
        self.block_start = self.volume_bytes;
        self.at = BLOCK_HEADER_BYTES;
        self.block.clear();
        fill(&mut self.source, &mut self.block, BLOCK_HEADER_BYTES, self.block_start)?;
        if self.block.iter().all(|byte| *byte == 0) {
            return self.zero_tail();
        }
        let Some(header) = self.block.first_chunk::<BLOCK_HEADER_BYTES>() else {
            return self.torn_header();
        };
        let header = BlockHeader::decode(header).map_err(|found| self.damage(Part::BlockHeader, 0, found))?;
        let Anchor { blocks, head } = self.seen.anchor();
        if (header.index, header.previous) != (blocks, head) {
            let expected = format!("block {blocks} after {head}");
            return Err(self.damage(Part::Chain, 0, (expected, format!("block {} after {}", header.index, header.previous))));
        }
        let hashed = BLOCK_HEADER_BYTES + header.payload_bytes as usize;
        fill(&mut self.source, &mut self.block, hashed + HASH_BYTES, self.block_start)?;
        if self.block.len() < hashed + HASH_BYTES {
            self.seen.torn_bytes = self.block.len() as u64;
            return Ok(false);
        }
        let (hash, found) = (ChainHash(*blake3::hash(&self.block[..hashed]).as_bytes()), hash_at(&self.block, hashed));
        if hash != found {
            let at = self.first_bad_record(hashed);
            return Err(self.damage(Part::BlockHash, at, (format!("hash {found}"), hash.to_string())));
        }
        self.records_end = hashed;
        self.check_first_seq(header.first_seq)?;
        self.records_left = header.records;
        self.seen.blocks += 1;
        self.seen.head = hash;
        self.seen.intact_bytes += (hashed + HASH_BYTES) as u64;
        self.volume_bytes += (hashed + HASH_BYTES) as u64;
        self.over = false;
        Ok(true)
    }

    /// A file may have been lengthened by a crash without its bytes having arrived: nothing but zeros to the end is a tear.
    fn zero_tail(&mut self) -> Result<bool, JournalError> {
        let mut length = self.block.len();
        if length == BLOCK_HEADER_BYTES {
            loop {
                self.block.clear();
                fill(&mut self.source, &mut self.block, 64 * 1024, self.block_start + length as u64)?;
                if let Some(at) = self.block.iter().position(|byte| *byte != 0) {
                    let expected = "a block header, or nothing but zeros to the end".into();
                    return Err(self.damage(Part::BlockHeader, 0, (expected, format!("zeros, then data {} bytes on", length + at))));
                }
                if self.block.is_empty() {
                    break;
                }
                length += self.block.len();
            }
        }
        self.seen.torn_bytes = length as u64;
        Ok(false)
    }

    fn torn_header(&mut self) -> Result<bool, JournalError> {
        if !may_begin_block(&self.block) {
            let found = format!("{} other bytes", self.block.len());
            return Err(self.damage(Part::BlockHeader, 0, ("the beginning of a block header".into(), found)));
        }
        self.seen.torn_bytes = self.block.len() as u64;
        Ok(false)
    }

    /// The block's first record must carry the number that its header names.
    fn check_first_seq(&self, first_seq: u64) -> Result<(), JournalError> {
        let first = frame(&self.block[..self.records_end], BLOCK_HEADER_BYTES).and_then(|(_, body, _)| seq_of(body));
        match first {
            Ok(seq) if seq == first_seq => Ok(()),
            Ok(seq) => Err(self.damage(Part::BlockHeader, 20, (format!("first seq {seq}"), first_seq.to_string()))),
            Err(found) => Err(self.damage(Part::Record, BLOCK_HEADER_BYTES, found)),
        }
    }

    /// Where the damage of a block lies, as far as its records' own checksums tell.
    fn first_bad_record(&self, end: usize) -> usize {
        let mut at = BLOCK_HEADER_BYTES;
        while at < end {
            match frame(&self.block[..end], at) {
                Ok((_, _, next)) => at = next,
                Err(_) => return at,
            }
        }
        end
    }

    #[inline]
    fn next_record(&mut self) -> Result<Entry, JournalError> {
        self.over = true;
        let Framed { kind, body_at, length, next } = self.next_frame(frame)?;
        let entry = Entry::decode(kind, &self.block[body_at..], length).map_err(|found| self.damage(Part::Record, self.at, found))?;
        self.check_entry(&entry)?;
        self.step_over(next)?;
        self.take_account(&entry);
        self.over = false;
        Ok(entry)
    }

    /// What [`Entries::recover`] does, up to the end of this volume.
    pub(crate) fn recover_volume<E: From<JournalError>>(
        &mut self,
        apply: &mut impl FnMut(Applicable<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while !self.over && (self.records_left > 0 || self.next_block()?) {
            self.over = true;
            let Framed { kind, body_at, length, next } = self.next_frame(unproven_frame)?;
            let bytes = &self.block[body_at..];
            if kind == Kind::Outcome as u8 {
                let lent = lend_outcome(bytes, length, |seq, outcome| apply(Applicable::Outcome { seq, outcome }));
                lent.map_err(|found| self.damage(Part::Record, self.at, found))??;
                self.seen.records += 1;
                self.seen.outcomes += 1;
            } else if kind == Kind::Input as u8 {
                let seq = seq_of(bytes).map_err(|found| self.damage(Part::Record, self.at, found))?;
                self.check_rising(seq)?;
                self.seen.count_input(seq);
            } else {
                let entry = Entry::decode(kind, bytes, length).map_err(|found| self.damage(Part::Record, self.at, found))?;
                self.check_entry(&entry)?;
                if let Entry::StateHash { seq, hash } = entry {
                    apply(Applicable::StateHash { seq, hash })?;
                }
                self.take_account(&entry);
            }
            self.step_over(next)?;
            self.over = false;
        }
        Ok(())
    }

    fn take_account(&mut self, entry: &Entry) {
        self.seen.count(entry);
        if let Entry::Segment { segment, .. } = entry {
            self.facts.segments.push(segment.clone());
        }
    }

    /// The next record of the block, as one of the two frames finds it.
    #[inline]
    fn next_frame(&self, frame: impl Fn(&[u8], usize) -> Found<'_>) -> Result<Framed, JournalError> {
        match frame(&self.block[..self.records_end], self.at) {
            Ok((kind, body, next)) => Ok(Framed { kind, body_at: self.at + RECORD_HEAD_BYTES, length: body.len(), next }),
            Err(found) => Err(self.damage(Part::Record, self.at, found)),
        }
    }

    /// Goes on behind a record; the last one must end where the block does.
    #[inline]
    fn step_over(&mut self, next: usize) -> Result<(), JournalError> {
        self.at = next;
        self.records_left -= 1;
        if self.records_left == 0 && next != self.records_end {
            let found = format!("{} bytes", self.records_end - next);
            return Err(self.damage(Part::Record, next, ("the end of the block".into(), found)));
        }
        Ok(())
    }

    /// The rules that the writer keeps hold for the reader too.
    #[inline]
    fn check_entry(&self, entry: &Entry) -> Result<(), JournalError> {
        let seq = match entry {
            Entry::Input { seq, .. } => *seq,
            Entry::MarketRun(run) => {
                if run.last_seq().is_none() {
                    return Err(self.damage(Part::Record, self.at, ("a run of 1 event or more".into(), entry.to_string())));
                }
                if !self.facts.has_segment(run.segment) {
                    let expected = "a segment that was declared".into();
                    return Err(self.damage(Part::Record, self.at, (expected, format!("segment {}", run.segment))));
                }
                run.first_seq
            }
            Entry::Segment { segment, .. } if self.facts.has_segment(segment.id) => {
                let found = format!("segment {} again", segment.id);
                return Err(self.damage(Part::Record, self.at, ("a segment that is new".into(), found)));
            }
            Entry::Segment { .. } | Entry::Outcome { .. } | Entry::StateHash { .. } | Entry::End { .. } => return Ok(()),
        };
        self.check_rising(seq)
    }

    #[inline]
    fn check_rising(&self, seq: u64) -> Result<(), JournalError> {
        match self.seen.last_input_seq {
            Some(last) if seq <= last => Err(self.damage(Part::Sequence, self.at, (format!("an input above {last}"), seq.to_string()))),
            _ => Ok(()),
        }
    }

    #[cold]
    fn damage(&self, part: Part, at: usize, (expected, found): (String, String)) -> JournalError {
        let offset = self.block_start + at as u64;
        let blocks = self.seen.anchor().blocks;
        let block = if self.volume_bytes > self.block_start { blocks - 1 } else { blocks };
        JournalError::Corrupt { part, offset, block, intact_bytes: self.block_start, expected, found }
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Begins behind what is kept elsewhere: reads the header of the volume, proves that the chain stands at the place as it did,
    /// and skips what is before it unread.
    ///
    /// # Errors
    /// As [`Self::new`]; [`JournalError::AnchorMissing`] where the volume does not have the place.
    pub(crate) fn at(mut source: R, place: &Place) -> Result<Self, JournalError> {
        let header = read_header(&mut source)?;
        let missing = |found| JournalError::AnchorMissing { anchor: place.anchor, found };
        if header.link.volume != place.volume || place.offset < header.bytes {
            return Err(missing(format!("volume {} with a header of {} bytes", header.link.volume, header.bytes)));
        }
        let io_at = |source| JournalError::Io { operation: "seek", offset: place.offset, source };
        source.seek(SeekFrom::Start(place.offset - HASH_BYTES as u64)).map_err(io_at)?;
        let mut hash = Vec::new();
        fill(&mut source, &mut hash, HASH_BYTES, place.offset)?;
        if hash.len() < HASH_BYTES || hash_at(&hash, 0) != place.anchor.head {
            return Err(missing(format!("no block ends there at byte {} of volume {}", place.offset, place.volume)));
        }
        let seen = Verification::before_anything(place.anchor, place.last_input_seq);
        let mut reader = Self::reading(source, header, seen);
        reader.volume_bytes = place.offset;
        reader.facts.segments.clone_from(&place.segments);
        Ok(reader)
    }
}

impl<R: Read> Entries for Reader<R> {
    fn next_entry(&mut self) -> Result<Option<Entry>, JournalError> {
        Reader::next_entry(self)
    }

    fn recover<E: From<JournalError>>(&mut self, mut apply: impl FnMut(Applicable<'_>) -> Result<(), E>) -> Result<(), E> {
        self.recover_volume(&mut apply)
    }

    fn facts(&self) -> &RunFacts {
        Reader::facts(self)
    }

    fn verification(&self) -> &Verification {
        Reader::verification(self)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}

fn read_header<R: Read>(source: &mut R) -> Result<Header, JournalError> {
    let mut header = Vec::new();
    fill(source, &mut header, PREAMBLE_BYTES, 0)?;
    let Some(preamble) = header.first_chunk::<PREAMBLE_BYTES>() else {
        return Err(JournalError::HeaderTorn { found: header.len() as u64, needed: (PREAMBLE_BYTES + HASH_BYTES) as u64 });
    };
    let (format, length) = decode_preamble(preamble)?;
    let needed = PREAMBLE_BYTES + length + HASH_BYTES;
    fill(source, &mut header, needed, 0)?;
    if header.len() < needed {
        return Err(JournalError::HeaderTorn { found: header.len() as u64, needed: needed as u64 });
    }
    decode_header(format, &header)
}

/// Kind, body and end of a record; or what was expected and what was found.
type Found<'a> = Result<(u8, &'a [u8], usize), (String, String)>;

/// The record at an offset, its checksum proven.
#[inline]
fn frame(block: &[u8], at: usize) -> Found<'_> {
    let (kind, body, next) = unproven_frame(block, at)?;
    let (expected, found) = (crc32fast::hash(&block[at..next - CRC_BYTES]), u32_at(block, next - CRC_BYTES));
    if expected != found {
        return Err((format!("checksum {expected:08x}"), format!("{found:08x}")));
    }
    Ok((kind, body, next))
}

/// The same where the block's hash has proven the bytes: a record's checksum only says where the damage of a block is.
#[inline]
fn unproven_frame(block: &[u8], at: usize) -> Found<'_> {
    let record = &block[at..];
    let room = record.len().saturating_sub(RECORD_HEAD_BYTES + CRC_BYTES);
    if record.len() < RECORD_HEAD_BYTES + CRC_BYTES {
        return Err(("a record".into(), format!("{} bytes", record.len())));
    }
    let length = u32_at(record, 0) as usize;
    if length > room {
        return Err((format!("a body of {room} bytes at most"), format!("{length} bytes")));
    }
    let end = RECORD_HEAD_BYTES + length;
    Ok((record[4], &record[RECORD_HEAD_BYTES..end], at + end + CRC_BYTES))
}

/// Reads on until the buffer has `length` bytes or the source has ended.
fn fill<R: Read>(source: &mut R, buffer: &mut Vec<u8>, length: usize, offset: u64) -> Result<(), JournalError> {
    let missing = length.saturating_sub(buffer.len()) as u64;
    let read: io::Result<usize> = source.by_ref().take(missing).read_to_end(buffer);
    read.map(|_| ()).map_err(|source| JournalError::Io { operation: "read", offset, source })
}
