//! What of a venue was not heard stays marked until its records were compared.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test stops where something is not as it must be")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use tradewind_node::{Unheard, VenueName};
use tradewind_types::Timestamp;

const BOTH: [VenueName; 2] = VenueName::ALL;

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("tradewind-unheard-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn a_mark_stays_through_lives_that_do_not_unmark_it() {
    let folder = folder("marks");
    let marks = |venues: &[VenueName], at| Unheard::open(&folder, venues.iter().copied(), Timestamp(at)).unwrap();
    let all = |pairs: &[(VenueName, i64)]| pairs.iter().map(|(v, at)| (*v, Timestamp(*at))).collect::<BTreeMap<_, _>>();

    // A first life that compared the records of one venue only.
    let mut first = marks(&BOTH, 100);
    assert_eq!(first.marks(), &all(&[(VenueName::Binance, 100), (VenueName::Bybit, 100)]));
    first.note(VenueName::Bybit, None).unwrap();
    drop(first);
    // One that compared nothing: what the first did not hear is still not heard.
    assert_eq!(marks(&BOTH, 200).marks(), &all(&[(VenueName::Binance, 100), (VenueName::Bybit, 200)]));
    assert_eq!(marks(&BOTH, 300).marks(), &all(&[(VenueName::Binance, 100), (VenueName::Bybit, 200)]));
    // One that compared everything, and lost touch again.
    let mut last = marks(&BOTH, 400);
    BOTH.into_iter().for_each(|venue| last.note(venue, None).unwrap());
    last.note(VenueName::Binance, Some(Timestamp(450))).unwrap();
    drop(last);
    assert_eq!(marks(&[VenueName::Bybit], 500).marks(), &all(&[(VenueName::Binance, 450), (VenueName::Bybit, 500)]));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_file_that_says_something_else_is_refused_and_left_as_it_is() {
    let folder = folder("refused");
    let path = folder.join("unheard");
    for text in ["binance", "binance soon\n", "elsewhere 5\n"] {
        std::fs::write(&path, text).unwrap();
        let error = Unheard::open(&folder, BOTH.into_iter(), Timestamp(1)).unwrap_err().to_string();
        assert!(error.contains(text.trim_end()) && error.contains("delete the file"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
