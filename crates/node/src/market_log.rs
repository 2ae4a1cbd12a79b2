//! Market data as the node heard it, in files of its own: what the control journal refers to by segment and place.
//!
//! A segment begins with a header that names it; its hash is what the journal knows it by, since the content is still to come when
//! the first event refers to it. Every event is a record with a checksum; a torn tail is cut by the reader. Segments turn over by
//! size and the oldest go when the folder would be larger than its budget: the journal still replays its outcomes then, but nothing
//! can be decided anew from before.
//!
//! `record = length u32 | crc32 u32 | kind u8 | instrument u32 | ts_venue i64 | ts_local i64 | fields i64…`, little endian.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tradewind_journal::{ContentHash, Segment};
use tradewind_types::{
    Bar, DepthKind, DepthUpdate, InstrumentId, LevelChange, Mark, MarketEvent, Price, Qty, Quote, Rate, Sequence, Side, Stamp, Timestamp,
    Trade, TradeId,
};

const MAGIC: &[u8; 8] = b"TWMKT\0\0\x01";
const FRAME_BYTES: usize = 8;
/// No message of a venue comes near it.
const RECORD_BYTES_MAX: usize = 1 << 24;

/// Where an event lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPlace {
    /// Segment.
    pub segment: u32,
    /// Place within it, from 0.
    pub index: u64,
}

/// How a folder of segments is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketLogSettings {
    /// A segment is turned over when it is larger than this.
    pub segment_bytes: u64,
    /// What the segments may take together; the newest always stays.
    pub budget_bytes: u64,
}

/// Writes segments.
#[derive(Debug)]
pub struct MarketLog {
    folder: PathBuf,
    settings: MarketLogSettings,
    file: File,
    segment: Segment,
    index: u64,
    bytes: u64,
    buffer: Vec<u8>,
}

fn segment_path(folder: &Path, id: u32) -> PathBuf {
    folder.join(format!("market-{id:08}.segment"))
}

fn begin(folder: &Path, id: u32, name: &str) -> io::Result<(File, Segment, u64)> {
    let name = format!("{name}/{id}");
    let mut header = MAGIC.to_vec();
    header.extend((name.len() as u32).to_le_bytes());
    header.extend(name.as_bytes());
    let mut file = OpenOptions::new().write(true).create_new(true).open(segment_path(folder, id))?;
    file.write_all(&header)?;
    let content = ContentHash::of(&header);
    Ok((file, Segment { id, name, content }, header.len() as u64))
}

impl MarketLog {
    /// Begins segment `id`; `name` says whose it is and since when, so that no two nodes' segments have the same hash.
    ///
    /// # Errors
    /// The folder cannot be made or written; a segment of this id exists.
    pub fn create(folder: &Path, id: u32, name: &str, settings: MarketLogSettings) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let (file, segment, bytes) = begin(folder, id, name)?;
        let log = Self { folder: folder.to_path_buf(), settings, file, segment, index: 0, bytes, buffer: Vec::with_capacity(1 << 16) };
        log.drop_oldest()?;
        Ok(log)
    }

    /// The segment that events go to now.
    #[must_use]
    pub const fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Bytes of the segment so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds an event; gives its place, and the segment where this one is its first event.
    ///
    /// # Errors
    /// What the system says; the event is not in the log then.
    pub fn append(&mut self, stamp: Stamp, event: &MarketEvent<'_>) -> io::Result<(EventPlace, Option<Segment>)> {
        if self.bytes >= self.settings.segment_bytes {
            self.turn_over()?;
        }
        let start = self.buffer.len();
        encode(stamp, event, &mut self.buffer);
        self.bytes += (self.buffer.len() - start) as u64;
        let place = EventPlace { segment: self.segment.id, index: self.index };
        self.index += 1;
        if self.buffer.len() >= 1 << 16 {
            self.flush()?;
        }
        Ok((place, (place.index == 0).then(|| self.segment.clone())))
    }

    /// Gives what is buffered to the system: it survives the end of the process.
    ///
    /// # Errors
    /// What the system says; the events stay buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.file.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    fn turn_over(&mut self) -> io::Result<()> {
        self.flush()?;
        let owner = self.segment.name.rsplit_once('/').map_or("", |(owner, _)| owner).to_owned();
        let (file, segment, bytes) = begin(&self.folder, self.segment.id + 1, &owner)?;
        (self.file, self.segment, self.index, self.bytes) = (file, segment, 0, bytes);
        self.drop_oldest()
    }

    fn drop_oldest(&self) -> io::Result<()> {
        let mut segments = segments(&self.folder)?;
        let mut total = 0u64;
        for (_, path) in &segments {
            total += fs::metadata(path)?.len();
        }
        segments.retain(|(id, _)| *id != self.segment.id);
        let room = self.settings.budget_bytes.saturating_sub(self.settings.segment_bytes);
        for (_, path) in segments {
            if total <= room {
                break;
            }
            total -= fs::metadata(&path)?.len();
            fs::remove_file(&path)?;
        }
        Ok(())
    }
}

/// Segments of a folder, oldest first.
///
/// # Errors
/// What the system says.
pub fn segments(folder: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(id) = name.strip_prefix("market-").and_then(|n| n.strip_suffix(".segment")).and_then(|n| n.parse().ok()) {
            found.push((id, path));
        }
    }
    found.sort();
    Ok(found)
}

fn encode(stamp: Stamp, event: &MarketEvent<'_>, out: &mut Vec<u8>) {
    let frame = out.len();
    out.extend([0; FRAME_BYTES]);
    let body = out.len();
    let kind: u8 = match event {
        MarketEvent::Depth(d) if d.kind == DepthKind::Snapshot => 0,
        MarketEvent::Depth(_) => 1,
        MarketEvent::Trade(_) => 2,
        MarketEvent::Quote(_) => 3,
        MarketEvent::Bar(_) => 4,
        MarketEvent::Mark(_) => 5,
    };
    out.push(kind);
    out.extend(event.instrument().0.to_le_bytes());
    let mut put = |values: &[i64]| values.iter().for_each(|v| out.extend(v.to_le_bytes()));
    put(&[stamp.ts_venue.0, stamp.ts_local.0]);
    match event {
        MarketEvent::Depth(d) => {
            let Sequence { first, last, previous } = d.sequence;
            put(&[first.cast_signed(), last.cast_signed(), i64::from(previous.is_some()), previous.unwrap_or_default().cast_signed()]);
            d.changes.iter().for_each(|c| put(&[c.price.0, if c.side == Side::Buy { c.qty.0 } else { !c.qty.0 }]));
        }
        MarketEvent::Trade(t) => {
            let (low, high) = (t.trade.0 as u64, (t.trade.0 >> 64) as u64);
            put(&[low.cast_signed(), high.cast_signed(), t.price.0, t.qty.0, t.aggressor.sign()]);
        }
        MarketEvent::Quote(q) => put(&[q.bid.0, q.bid_qty.0, q.ask.0, q.ask_qty.0]),
        MarketEvent::Bar(b) => put(&[b.open_ts.0, b.open.0, b.high.0, b.low.0, b.close.0, b.volume.0]),
        MarketEvent::Mark(m) => put(&[m.mark.0, m.index.0, m.funding_rate.0, m.next_funding.0]),
    }
    let length = (out.len() - body) as u32;
    let crc = crc32fast::hash(&out[body..]);
    out[frame..frame + 4].copy_from_slice(&length.to_le_bytes());
    out[frame + 4..body].copy_from_slice(&crc.to_le_bytes());
}

/// Reads a segment from its beginning.
#[derive(Debug)]
pub struct SegmentReader {
    bytes: Vec<u8>,
    at: usize,
    index: u64,
    content: ContentHash,
    changes: Vec<LevelChange>,
}

/// An event with its place in its segment and its two clocks.
pub type Recorded<'a> = (u64, Stamp, MarketEvent<'a>);

impl SegmentReader {
    /// Opens a segment.
    ///
    /// # Errors
    /// What the system says; a file that is no segment.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut bytes = Vec::new();
        File::open(path)?.read_to_end(&mut bytes)?;
        let not_a_segment = || io::Error::new(io::ErrorKind::InvalidData, format!("{} is not a segment of market data", path.display()));
        let name = bytes.get(8..12).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes).ok_or_else(not_a_segment)?;
        let end = 12 + name as usize;
        let header = bytes.get(..end).filter(|h| h.starts_with(MAGIC)).ok_or_else(not_a_segment)?;
        let content = ContentHash::of(header);
        Ok(Self { bytes, at: end, index: 0, content, changes: Vec::new() })
    }

    /// What the journal knows the segment by.
    #[must_use]
    pub const fn content(&self) -> ContentHash {
        self.content
    }

    /// The next event; nothing at the end, or where the file is torn.
    pub fn next_event(&mut self) -> Option<Recorded<'_>> {
        let frame: [u8; FRAME_BYTES] = self.bytes.get(self.at..self.at + FRAME_BYTES)?.try_into().ok()?;
        let [l0, l1, l2, l3, c0, c1, c2, c3] = frame;
        let (length, crc) = (u32::from_le_bytes([l0, l1, l2, l3]) as usize, u32::from_le_bytes([c0, c1, c2, c3]));
        if length > RECORD_BYTES_MAX {
            return None;
        }
        let start = self.at + FRAME_BYTES;
        let body = self.bytes.get(start..start + length).filter(|body| crc32fast::hash(body) == crc)?;
        self.at = start + length;
        let index = self.index;
        self.index += 1;
        self.changes.clear();
        let (stamp, event) = decode(body, &mut self.changes)?;
        Some((index, stamp, event))
    }
}

fn decode<'a>(body: &[u8], changes: &'a mut Vec<LevelChange>) -> Option<(Stamp, MarketEvent<'a>)> {
    let (&kind, rest) = body.split_first()?;
    let (id, rest) = rest.split_first_chunk::<4>()?;
    let instrument = InstrumentId(u32::from_le_bytes(*id));
    let (chunks, tail) = rest.as_chunks::<8>();
    let values: Vec<i64> = chunks.iter().map(|chunk| i64::from_le_bytes(*chunk)).collect();
    if !tail.is_empty() {
        return None;
    }
    let [ts_venue, ts_local, fields @ ..] = values.as_slice() else { return None };
    let stamp = Stamp { ts_venue: Timestamp(*ts_venue), ts_local: Timestamp(*ts_local) };
    let event = match (kind, fields) {
        (0 | 1, [first, last, has_previous, previous, levels @ ..]) => {
            let previous = (*has_previous != 0).then_some(previous.cast_unsigned());
            let sequence = Sequence { first: first.cast_unsigned(), last: last.cast_unsigned(), previous };
            for level in levels.as_chunks::<2>().0 {
                let [price, qty] = *level;
                let (side, qty) = if qty >= 0 { (Side::Buy, qty) } else { (Side::Sell, !qty) };
                changes.push(LevelChange { side, price: Price(price), qty: Qty(qty) });
            }
            let kind = if kind == 0 { DepthKind::Snapshot } else { DepthKind::Delta };
            MarketEvent::Depth(DepthUpdate { instrument, kind, sequence, changes })
        }
        (2, &[low, high, price, qty, sign]) => {
            let trade = TradeId(u128::from(low.cast_unsigned()) | u128::from(high.cast_unsigned()) << 64);
            let aggressor = if sign > 0 { Side::Buy } else { Side::Sell };
            MarketEvent::Trade(Trade { instrument, trade, price: Price(price), qty: Qty(qty), aggressor })
        }
        (3, &[bid, bid_qty, ask, ask_qty]) => {
            MarketEvent::Quote(Quote { instrument, bid: Price(bid), bid_qty: Qty(bid_qty), ask: Price(ask), ask_qty: Qty(ask_qty) })
        }
        (4, &[open_ts, open, high, low, close, volume]) => {
            let [open, high, low, close] = [open, high, low, close].map(Price);
            MarketEvent::Bar(Bar { instrument, open_ts: Timestamp(open_ts), open, high, low, close, volume: Qty(volume) })
        }
        (5, &[mark, index, rate, next]) => {
            let (funding_rate, next_funding) = (Rate(rate), Timestamp(next));
            MarketEvent::Mark(Mark { instrument, mark: Price(mark), index: Price(index), funding_rate, next_funding })
        }
        _ => return None,
    };
    Some((stamp, event))
}
