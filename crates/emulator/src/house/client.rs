//! Who trades at a house: clients, their keys, and the wallets that their orders draw on.

use std::fmt;
use tradewind_types::AccountId;

/// A client of a house; dense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(pub u32);

/// A secret; it shows itself only to who asks for it by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// Look.
    Read,
    /// Look and trade.
    Trade,
}

/// What proves who somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Public part.
    pub key: String,
    /// Signs requests.
    pub secret: Secret,
    /// Where the venue wants one.
    pub passphrase: Secret,
}

/// A client.
#[derive(Clone, Debug)]
pub struct Client {
    /// Dense id.
    pub id: ClientId,
    /// Its key.
    pub credentials: Credentials,
    /// What the key may be used for.
    pub permissions: Permissions,
    /// The wallet that spot orders draw on.
    pub spot: AccountId,
    /// The wallet that derivatives draw on; the same one at a venue with unified accounts.
    pub derivatives: AccountId,
}
