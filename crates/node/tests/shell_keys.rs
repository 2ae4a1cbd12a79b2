//! Keys: a file opens with its password and with no other, shows no secret, and says what is wrong with it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use tradewind_node::{CHANCE_BYTES, Config, KeyRing, KeySource, VenueConfig};
use tradewind_venues::Credentials;

const CHANCE: [u8; CHANCE_BYTES] = [7; CHANCE_BYTES];

fn credentials(name: &str) -> Credentials {
    Credentials { key: format!("{name}-key"), secret: format!("{name}-secret"), passphrase: String::new() }
}

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("tradewind-keys-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn saved(name: &str) -> PathBuf {
    let path = folder(name).join("keys.json");
    let mut ring = KeyRing::default();
    ring.add("binance", credentials("binance"));
    ring.add("binance-kill", credentials("kill"));
    ring.save(&path, "correct horse", &CHANCE).unwrap();
    path
}

fn venue(keys: &str) -> VenueConfig {
    let text = format!("[node]\nid = 1\nfolder = \".\"\n[[venue]]\nname = \"binance\"\ninstruments = {{ spot = [\"BTCUSDT\"] }}\n{keys}");
    Config::read(&text).unwrap().venues.remove(0)
}

#[test]
fn a_file_opens_with_its_password_only_and_holds_no_readable_secret() {
    let path = saved("opens");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("secret") && !text.contains("-key"), "{text}");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let ring = KeyRing::open(&path, "correct horse").unwrap();
    let listed: Vec<_> = ring.list().collect();
    assert_eq!(listed, [("binance", "bina".to_owned()), ("binance-kill", "kill".to_owned())]);
    let Err(error) = KeyRing::open(&path, "wrong horse") else { panic!("it opened") };
    assert!(error.to_string().contains("the password is wrong"), "{error}");
}

#[test]
fn a_file_that_was_changed_does_not_open() {
    let path = saved("changed");
    let text = std::fs::read_to_string(&path).unwrap();
    let digit = |c: char| if c == '0' { "1" } else { "0" };
    let content = text.find("\"content\": \"").unwrap() + 12;
    let flipped = format!("{}{}{}", &text[..content], digit(text[content..].chars().next().unwrap()), &text[content + 1..]);
    // Weaker parameters would make guessing cheap: they are bound to the content.
    let weakened = text.replace("\"passes\": 3", "\"passes\": 2");
    for (changed, said) in [(flipped, "does not open"), (weakened, "does not open"), ("{}".to_owned(), "no file of keys")] {
        std::fs::write(&path, changed).unwrap();
        let Err(error) = KeyRing::open(&path, "correct horse") else { panic!("it opened") };
        assert!(error.to_string().contains(said), "{error}");
    }
    let greedy = text.replace("\"memory_kib\": 65536", "\"memory_kib\": 4000000000");
    std::fs::write(&path, greedy).unwrap();
    let Err(error) = KeyRing::open(&path, "correct horse") else { panic!("it opened") };
    assert!(error.to_string().contains("more memory"), "{error}");
}

#[test]
fn a_venue_finds_its_keys_and_its_kill_keys() {
    let path = saved("finds");
    let file = venue(&format!("keys = {{ file = \"{0}\" }}\nkill_keys = {{ file = \"{0}\" }}\n", path.display()));
    let nothing = |_: &str| None;
    let source = KeySource { environment: &nothing, password: Some("correct horse") };
    assert_eq!(source.of(&file).unwrap().unwrap().secret, "binance-secret");
    assert_eq!(source.of_kill(&file).unwrap().unwrap().secret, "kill-secret");
    let closed = KeySource { environment: &nothing, password: None };
    assert!(closed.of(&file).unwrap_err().to_string().contains("TRADEWIND_KEYS_PASSWORD"));

    let environment = BTreeMap::from([("MINE_KEY", "k "), ("MINE_SECRET", "s"), ("MINE_PASSPHRASE", "")]);
    let read = |name: &str| environment.get(name).map(|v| (*v).to_owned());
    let source = KeySource { environment: &read, password: None };
    let found = source.of(&venue("keys = { env = \"MINE\" }")).unwrap().unwrap();
    assert_eq!((found.key.as_str(), found.secret.as_str(), found.passphrase.as_str()), ("k", "s", ""));
    // The kill switch takes what the venue trades with where it has no keys of its own.
    assert_eq!(source.of_kill(&venue("keys = { env = \"MINE\" }")).unwrap().unwrap().key, "k");
    let said = source.of(&venue("keys = { env = \"YOURS\" }")).unwrap_err().to_string();
    assert!(said.contains("the environment has no YOURS_KEY") && said.contains("YOURS_SECRET"), "{said}");
    assert!(source.of(&venue("")).unwrap().is_none());
}

#[test]
fn an_account_that_is_not_there_is_told_with_those_that_are() {
    let path = folder("account").join("keys.json");
    let mut ring = KeyRing::default();
    ring.add("binanse", credentials("typo"));
    ring.save(&path, "p", &CHANCE).unwrap();
    let nothing = |_: &str| None;
    let source = KeySource { environment: &nothing, password: Some("p") };
    let said = source.of(&venue(&format!("keys = {{ file = \"{}\" }}", path.display()))).unwrap_err().to_string();
    assert!(said.contains("no account `binance`") && said.contains("Did you mean `binanse`?"), "{said}");
}
