//! What happened, as lines with a name and fields, written for people or for programs.
//!
//! A line is data until it is written. Writing may block (a full pipe, a slow disk), and trading may not wait for that: lines go
//! to a thread of their own through a bounded queue; what found no room is counted, and the count is said as soon as there is
//! room again. Nothing here ever holds a secret: fields are chosen one by one where a line is made.

use crate::clock::utc_text;
use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use tradewind_types::Timestamp;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Everything is as it should be.
    Info,
    /// Something went wrong and is being handled.
    Warn,
    /// Somebody has to look.
    Error,
}

impl Level {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When, our clock.
    pub at: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// What, in one word: `link_down`.
    pub event: &'static str,
    /// Particulars, in order.
    pub fields: Vec<(&'static str, String)>,
}

impl Line {
    /// A line without particulars.
    #[must_use]
    pub const fn new(at: Timestamp, level: Level, event: &'static str) -> Self {
        Self { at, level, event, fields: Vec::new() }
    }

    /// The line with one more particular.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.fields.push((name, value.to_string()));
        self
    }

    /// As one line of text, without its end.
    #[must_use]
    pub fn text(&self, format: LogFormat) -> String {
        match format {
            LogFormat::Human => self.human(),
            LogFormat::Json => self.json(),
        }
    }

    fn human(&self) -> String {
        let mut text = format!("{} {:<5} {:<18}", utc_text(self.at), self.level.as_str(), self.event);
        for (name, value) in &self.fields {
            // One line stays one line, whatever a venue says.
            let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let quote = if value.contains(' ') || value.is_empty() { "\"" } else { "" };
            text.push_str(&format!(" {name}={quote}{value}{quote}"));
        }
        text
    }

    fn json(&self) -> String {
        let mut map = serde_json::Map::new();
        map.insert("ts".into(), utc_text(self.at).into());
        map.insert("ts_ns".into(), self.at.0.into());
        map.insert("level".into(), self.level.as_str().into());
        map.insert("event".into(), self.event.into());
        for (name, value) in &self.fields {
            map.insert((*name).into(), value.as_str().into());
        }
        serde_json::Value::Object(map).to_string()
    }
}

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// Lines that may wait to be written.
const ROOM: usize = 8192;

/// Takes lines and never blocks. Dropping it waits until what was taken is written.
pub struct LogSink {
    lines: Option<SyncSender<Line>>,
    writer: Option<JoinHandle<()>>,
    lost: u64,
}

impl LogSink {
    /// Writes to `out` from a thread of its own.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn new(out: Box<dyn Write + Send>, format: LogFormat) -> std::io::Result<Self> {
        let (lines, taken) = sync_channel(ROOM);
        let writer = std::thread::Builder::new().name("log".into()).spawn(move || write_all(&taken, out, format))?;
        Ok(Self { lines: Some(lines), writer: Some(writer), lost: 0 })
    }

    /// Takes a line; counts it as lost where there is no room.
    pub fn take(&mut self, line: Line) {
        if self.lost > 0 {
            let said = Line::new(line.at, Level::Warn, "log_lines_lost").with("count", self.lost);
            if self.offer(said) {
                self.lost = 0;
            }
        }
        if !self.offer(line) {
            self.lost += 1;
        }
    }

    fn offer(&self, line: Line) -> bool {
        match self.lines.as_ref().map(|lines| lines.try_send(line)) {
            Some(Err(TrySendError::Full(_))) => false,
            // The writer ended because nobody reads: there is nobody to tell.
            Some(Ok(()) | Err(TrySendError::Disconnected(_))) | None => true,
        }
    }
}

impl Drop for LogSink {
    fn drop(&mut self) {
        self.lines = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has said so on the error stream already.
            drop(writer.join());
        }
    }
}

fn write_all(lines: &Receiver<Line>, mut out: Box<dyn Write + Send>, format: LogFormat) {
    while let Ok(line) = lines.recv() {
        let mut text = line.text(format);
        text.push('\n');
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex, mpsc};
    use tradewind_venues::Credentials;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn line(event: &'static str) -> Line {
        Line::new(Timestamp(1_700_000_000_123_456_789), Level::Warn, event)
    }

    #[test]
    fn a_line_reads_for_people_and_for_programs() {
        let line = line("link_down").with("venue", "binance").with("why", "no answer\nin time");
        assert_eq!(
            line.text(LogFormat::Human),
            "2023-11-14T22:13:20.123456Z warn  link_down          venue=binance why=\"no answer in time\""
        );
        let json: serde_json::Value = serde_json::from_str(&line.text(LogFormat::Json)).unwrap();
        assert_eq!(json["event"], "link_down");
        assert_eq!(json["why"], "no answer\nin time");
        assert_eq!(json["ts_ns"], 1_700_000_000_123_456_789_i64);
    }

    #[test]
    fn lines_are_written_in_order_before_the_sink_is_gone() {
        let page = Page::default();
        let mut sink = LogSink::new(Box::new(page.clone()), LogFormat::Json).unwrap();
        (0..1000).for_each(|n| sink.take(line("tick").with("n", n)));
        drop(sink);
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let numbers: Vec<String> =
            text.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["n"].as_str().unwrap().to_owned()).collect();
        assert_eq!(numbers, (0..1000).map(|n| n.to_string()).collect::<Vec<_>>());
    }

    /// Blocks at its first write until it is told to go on.
    struct Blocked(mpsc::Receiver<()>, Page);

    impl Write for Blocked {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.recv().ok();
            self.1.write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_does_not_read_holds_nobody_up_and_what_was_lost_is_said() {
        let (go_on, wait) = mpsc::channel();
        let page = Page::default();
        let mut sink = LogSink::new(Box::new(Blocked(wait, page.clone())), LogFormat::Json).unwrap();
        (0..ROOM + 500).for_each(|_| sink.take(line("tick")));
        assert!(sink.lost >= 499);
        drop(go_on);
        while !page.0.lock().unwrap().ends_with(b"\n") {
            std::thread::yield_now();
        }
        let lost = sink.lost;
        while sink.lost > 0 {
            sink.take(line("after"));
        }
        drop(sink);
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("log_lines_lost") && text.contains(&format!("\"count\":\"{lost}")), "{lost}");
    }

    #[test]
    fn a_key_in_a_line_shows_no_secret() {
        let credentials = Credentials { key: "abcdefgh".into(), secret: "topsecret".into(), passphrase: "open sesame".into() };
        let line = line("keys").with("of", format!("{credentials:?}"));
        for format in [LogFormat::Human, LogFormat::Json] {
            let text = line.text(format);
            assert!(!text.contains("topsecret") && !text.contains("sesame") && !text.contains("abcdefgh"), "{text}");
        }
    }
}
