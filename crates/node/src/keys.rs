//! Keys of accounts: from the environment, or from a file that a password opens. They are never printed.
//!
//! The file is JSON: what the key is derived with (Argon2id, RFC 9106), the nonce, and the sealed content (XChaCha20-Poly1305,
//! draft-irtf-cfrg-xchacha-03). The parameters are bound to the content, so that nobody can weaken them unseen. The content is a
//! JSON object of accounts by name; a venue's account has the venue's name, the one of its kill switch `NAME-kill`.

use crate::config::{KeysConfig, VenueConfig};
use crate::nearest::did_you_mean;
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tradewind_venues::Credentials;
use zeroize::Zeroizing;

/// Chance that a file needs: 16 bytes of salt, 24 of nonce. It must never be used twice.
pub const CHANCE_BYTES: usize = 40;
const SALT_BYTES: usize = 16;
/// 64 MiB in 3 passes: the second recommended option of RFC 9106.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
/// No file may ask for more, so that a strange one does not take the machine.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 20;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A variable of the environment is not set.
    #[error("the environment has no {variable}; set {prefix}_KEY and {prefix}_SECRET, or use a file: tradewind keys add FILE {venue}")]
    NotSet {
        /// Which.
        variable: String,
        /// What its name begins with.
        prefix: String,
        /// For which venue.
        venue: String,
    },
    /// The file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is none of ours, or was changed.
    #[error("{path} is no file of keys that this version can read: {why}; tradewind keys add makes one")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It does not open.
    #[error("{path} does not open: the password is wrong, or the file was changed")]
    Closed {
        /// Which.
        path: PathBuf,
    },
    /// No password was given.
    #[error("{path} needs its password: set TRADEWIND_KEYS_PASSWORD, or run this where it can be asked for")]
    NoPassword {
        /// Which file.
        path: PathBuf,
    },
    /// The file has no such account.
    #[error("{path} has no account `{name}`; it has {found}.{near}")]
    NoAccount {
        /// Which file.
        path: PathBuf,
        /// Who was looked for.
        name: String,
        /// Who is there.
        found: String,
        /// Who may have been meant.
        near: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    tradewind_keys: u32,
    kdf: String,
    memory_kib: u32,
    passes: u32,
    salt: String,
    cipher: String,
    nonce: String,
    content: String,
}

const VERSION: u32 = 1;
const KDF: &str = "argon2id";
const CIPHER: &str = "xchacha20-poly1305";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    key: String,
    secret: String,
    #[serde(default)]
    passphrase: String,
}

/// Accounts by name, open.
#[derive(Default)]
pub struct KeyRing {
    accounts: BTreeMap<String, Credentials>,
}

impl KeyRing {
    /// Adds an account, or replaces the one of its name; whether there was one.
    pub fn add(&mut self, name: &str, credentials: Credentials) -> bool {
        self.accounts.insert(name.to_owned(), credentials).is_some()
    }

    /// Removes an account; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.accounts.remove(name).is_some()
    }

    /// Names, each with the beginning of its key.
    pub fn list(&self) -> impl Iterator<Item = (&str, String)> {
        self.accounts.iter().map(|(name, c)| (name.as_str(), c.key.chars().take(4).collect()))
    }

    /// Opens a file.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn open(path: &Path, password: &str) -> Result<Self, KeysError> {
        let text = std::fs::read_to_string(path).map_err(|error| KeysError::File { path: path.to_owned(), error })?;
        let unreadable = |why: String| KeysError::Unreadable { path: path.to_owned(), why };
        let sealed: Sealed = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        if (sealed.tradewind_keys, sealed.kdf.as_str(), sealed.cipher.as_str()) != (VERSION, KDF, CIPHER) {
            return Err(unreadable(format!("version {}, {}, {}", sealed.tradewind_keys, sealed.kdf, sealed.cipher)));
        }
        if sealed.memory_kib > MEMORY_KIB_MAX || sealed.passes > PASSES_MAX {
            return Err(unreadable("its password would take more memory or time than is reasonable".to_owned()));
        }
        let bytes = |name: &str, text: &str| from_hex(text).ok_or_else(|| unreadable(format!("`{name}` is no hexadecimal text")));
        let (salt, nonce, content) = (bytes("salt", &sealed.salt)?, bytes("nonce", &sealed.nonce)?, bytes("content", &sealed.content)?);
        let nonce = XNonce::try_from(nonce.as_slice()).map_err(|_| unreadable("`nonce` has not 24 bytes".to_owned()))?;
        let cipher = cipher(password, &salt, sealed.memory_kib, sealed.passes).map_err(unreadable)?;
        let bound = bound(&sealed);
        let opened = cipher.decrypt(&nonce, Payload { msg: &content, aad: bound.as_bytes() });
        let opened = Zeroizing::new(opened.map_err(|_| KeysError::Closed { path: path.to_owned() })?);
        let accounts: BTreeMap<String, Account> = serde_json::from_slice(&opened).map_err(|_| unreadable("its content".to_owned()))?;
        let taken = |(name, a): (String, Account)| (name, Credentials { key: a.key, secret: a.secret, passphrase: a.passphrase });
        Ok(Self { accounts: accounts.into_iter().map(taken).collect() })
    }

    /// Writes a file that `password` opens, readable by its owner only; one that is there is replaced whole or not at all.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn save(&self, path: &Path, password: &str, chance: &[u8; CHANCE_BYTES]) -> Result<(), KeysError> {
        let unreadable = |why: String| KeysError::Unreadable { path: path.to_owned(), why };
        let account = |c: &Credentials| Account { key: c.key.clone(), secret: c.secret.clone(), passphrase: c.passphrase.clone() };
        let accounts: BTreeMap<&String, Account> = self.accounts.iter().map(|(name, c)| (name, account(c))).collect();
        let plain = Zeroizing::new(serde_json::to_vec(&accounts).map_err(|error| unreadable(error.to_string()))?);
        let (salt, nonce) = chance.split_at(SALT_BYTES);
        let mut sealed = Sealed {
            tradewind_keys: VERSION,
            kdf: KDF.to_owned(),
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            salt: hex(salt),
            cipher: CIPHER.to_owned(),
            nonce: hex(nonce),
            content: String::new(),
        };
        let bound = bound(&sealed);
        let nonce = XNonce::try_from(nonce).map_err(|error| unreadable(error.to_string()))?;
        let cipher = cipher(password, salt, MEMORY_KIB, PASSES).map_err(unreadable)?;
        let content = cipher.encrypt(&nonce, Payload { msg: &plain, aad: bound.as_bytes() });
        sealed.content = hex(&content.map_err(|_| unreadable("it cannot be sealed".to_owned()))?);
        let text = serde_json::to_string_pretty(&sealed).map_err(|error| unreadable(error.to_string()))?;
        write_whole(path, &text).map_err(|error| KeysError::File { path: path.to_owned(), error })
    }

    fn find(&self, path: &Path, name: &str) -> Result<Credentials, KeysError> {
        self.accounts.get(name).cloned().ok_or_else(|| {
            let names: Vec<&str> = self.accounts.keys().map(String::as_str).collect();
            let found = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let near = did_you_mean(name, names.iter().copied());
            KeysError::NoAccount { path: path.to_owned(), name: name.to_owned(), found, near }
        })
    }
}

/// Where keys are looked for: the environment as it is told, and the password of files.
pub struct KeySource<'a> {
    /// A variable of the environment.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Opens files; none where it could not be asked for.
    pub password: Option<&'a str>,
}

impl KeySource<'_> {
    /// The keys a venue trades with; none where its configuration names none.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn of(&self, venue: &VenueConfig) -> Result<Option<Credentials>, KeysError> {
        let name = venue.name.as_str();
        venue.keys.as_ref().map(|keys| self.find(keys, name, name)).transpose()
    }

    /// The keys its kill switch is pulled with: its own, or else those it trades with.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn of_kill(&self, venue: &VenueConfig) -> Result<Option<Credentials>, KeysError> {
        let name = venue.name.as_str();
        match &venue.kill_keys {
            Some(keys) => self.find(keys, name, &format!("{name}-kill")).map(Some),
            None => self.of(venue),
        }
    }

    fn find(&self, keys: &KeysConfig, venue: &str, account: &str) -> Result<Credentials, KeysError> {
        match keys {
            KeysConfig::Env(prefix) => {
                let read = |suffix: &str| {
                    let variable = format!("{prefix}_{suffix}");
                    let value = (self.environment)(&variable).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
                    value.ok_or_else(|| KeysError::NotSet { variable, prefix: prefix.clone(), venue: venue.to_owned() })
                };
                Ok(Credentials { key: read("KEY")?, secret: read("SECRET")?, passphrase: read("PASSPHRASE").unwrap_or_default() })
            }
            KeysConfig::File(path) => {
                let password = self.password.ok_or_else(|| KeysError::NoPassword { path: path.clone() })?;
                KeyRing::open(path, password)?.find(path, account)
            }
        }
    }
}

/// What the content is bound to: everything else in the file.
fn bound(sealed: &Sealed) -> String {
    let Sealed { tradewind_keys, kdf, memory_kib, passes, salt, cipher, nonce, .. } = sealed;
    format!("{tradewind_keys} {kdf} {memory_kib} {passes} {salt} {cipher} {nonce}")
}

fn cipher(password: &str, salt: &[u8], memory_kib: u32, passes: u32) -> Result<XChaCha20Poly1305, String> {
    let params = Params::new(memory_kib, passes, 1, Some(32)).map_err(|error| error.to_string())?;
    let mut key = Zeroizing::new([0u8; 32]);
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into(password.as_bytes(), salt, key.as_mut_slice()).map_err(|error| error.to_string())?;
    XChaCha20Poly1305::new_from_slice(key.as_slice()).map_err(|error| error.to_string())
}

fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let fresh = PathBuf::from(name);
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|d| d.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |sum, digit| sum << 4 | digit)).collect())
}
