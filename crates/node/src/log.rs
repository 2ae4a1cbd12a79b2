//! Lines of the log, written for people or for programs.
//!
//! Writing may block (a full pipe, a slow disk), and trading may not wait for that: lines go to a thread of their own through a
//! bounded queue; what found no room is counted, and the count is said as soon as there is room again.

use crate::clock::utc_text;
use crate::health::{Level, Line};
use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

impl LogFormat {
    /// A line as one line of text, without its end.
    #[must_use]
    pub fn text(self, line: &Line) -> String {
        match self {
            LogFormat::Human => human(line),
            LogFormat::Json => json(line),
        }
    }
}

const fn word(level: Level) -> &'static str {
    match level {
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

fn human(line: &Line) -> String {
    let about = if line.about.is_empty() { "node" } else { &line.about };
    let text = format!("{} {:<7} {:<20} {about}: {}", utc_text(line.at), word(line.level), line.event, line.text);
    // One line stays one line, whatever a venue says.
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn json(line: &Line) -> String {
    let (at, level) = (utc_text(line.at), word(line.level));
    serde_json::json!({
        "ts": at, "ts_ns": line.at.0, "level": level, "event": line.event, "about": line.about, "text": line.text,
    })
    .to_string()
}

/// Lines that may wait to be written.
const ROOM: usize = 8192;

/// A line, and how many before it found no room.
type Taken = (u64, Line);

/// Takes lines and never blocks. Dropping it waits until what was taken is written.
pub struct LogSink {
    lines: Option<SyncSender<Taken>>,
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
        match self.lines.as_ref().map(|lines| lines.try_send((self.lost, line))) {
            Some(Err(TrySendError::Full(_))) => self.lost += 1,
            // Where the writer ended, nobody reads: there is nobody to tell.
            Some(Ok(()) | Err(TrySendError::Disconnected(_))) | None => self.lost = 0,
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

fn write_all(lines: &Receiver<Taken>, mut out: Box<dyn Write + Send>, format: LogFormat) {
    while let Ok((lost, line)) = lines.recv() {
        let mut text = if lost > 0 { format.text(&lost_before(&line, lost)) + "\n" } else { String::new() };
        text += &format.text(&line);
        text.push('\n');
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

fn lost_before(line: &Line, lost: u64) -> Line {
    let text = format!("{lost} lines were lost: the log was not read fast enough");
    Line { at: line.at, level: Level::Warning, event: "log-lines-lost", about: String::new(), text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex, mpsc};
    use tradewind_types::Timestamp;
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

    fn line(text: &str) -> Line {
        let (at, text) = (Timestamp(1_700_000_000_123_456_789), text.to_owned());
        Line { at, level: Level::Warning, event: "link-down", about: "binance".to_owned(), text }
    }

    #[test]
    fn a_line_reads_for_people_and_for_programs() {
        let line = line("no answer\nin time");
        assert_eq!(LogFormat::Human.text(&line), "2023-11-14T22:13:20.123456Z warning link-down            binance: no answer in time");
        let json: serde_json::Value = serde_json::from_str(&LogFormat::Json.text(&line)).unwrap();
        assert_eq!((&json["event"], &json["about"]), (&"link-down".into(), &"binance".into()));
        assert_eq!(json["text"], "no answer\nin time");
        assert_eq!(json["ts_ns"], 1_700_000_000_123_456_789_i64);
    }

    #[test]
    fn lines_are_written_in_order_before_the_sink_is_gone() {
        let page = Page::default();
        let mut sink = LogSink::new(Box::new(page.clone()), LogFormat::Json).unwrap();
        (0..1000).for_each(|n| sink.take(line(&n.to_string())));
        drop(sink);
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let numbers: Vec<String> =
            text.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["text"].as_str().unwrap().to_owned()).collect();
        assert_eq!(numbers, (0..1000).map(|n| n.to_string()).collect::<Vec<_>>());
    }

    /// Says that a line comes, and blocks until whoever holds it up is gone.
    struct Blocked(mpsc::Sender<()>, mpsc::Receiver<()>, Page);

    impl Write for Blocked {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.send(()).unwrap();
            assert!(self.1.recv().is_err(), "nobody sends: the other end is dropped");
            self.2.write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_does_not_read_holds_nobody_up_and_what_was_lost_is_said() {
        let ((says, begun), (go_on, wait)) = (mpsc::channel(), mpsc::channel::<()>());
        let page = Page::default();
        let mut sink = LogSink::new(Box::new(Blocked(says, wait, page.clone())), LogFormat::Json).unwrap();
        // Declared after the sink, which waits for its writer: so it is dropped before it, wherever this test ends.
        let go_on = go_on;
        sink.take(line("first"));
        begun.recv().unwrap();
        (0..ROOM + 500).for_each(|n| sink.take(line(&n.to_string())));
        assert_eq!(sink.lost, 500);
        drop(go_on);
        let mut after = 0;
        while sink.lost > 0 {
            sink.take(line("after"));
            after += 1;
        }
        drop(sink);
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let said: Vec<&str> = text.lines().filter(|l| l.contains("lines were lost")).collect();
        assert_eq!(said.len(), 1, "{said:?}");
        // The first line that found room again is the last one offered, and what was lost stands before it.
        let lost = 500 + after - 1;
        assert!(said[0].contains(&format!("{lost} lines were lost")), "{said:?}");
        let mut from_the_end = text.lines().rev();
        assert_eq!(from_the_end.next(), Some(LogFormat::Json.text(&line("after")).as_str()));
        assert_eq!(from_the_end.next(), Some(said[0]));
        assert_eq!(text.lines().count() as u64 - 1 + lost, 1 + ROOM as u64 + 500 + after);
    }

    #[test]
    fn a_key_in_a_line_shows_no_secret() {
        let credentials = Credentials { key: "abcdefgh".into(), secret: "topsecret".into(), passphrase: "open sesame".into() };
        let line = line(&format!("{credentials:?}"));
        for format in [LogFormat::Human, LogFormat::Json] {
            let text = format.text(&line);
            assert!(!text.contains("topsecret") && !text.contains("sesame") && !text.contains("abcdefgh"), "{text}");
        }
    }
}
