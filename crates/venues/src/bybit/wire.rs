//! Bybit's v5 messages as they are written, where speed does not matter: private pushes, answers and acknowledgements. Texts are
//! lent from the message; numbers stay text until an instrument's grid reads them.

use crate::error::MapError;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Text, a whole number or nothing: the venue writes the same field in all three ways.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word<'a>(pub Cow<'a, str>);

impl Word<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Word<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Words)
    }
}

struct Words;

impl<'de> Visitor<'de> for Words {
    type Value = Word<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number or null")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Word(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Word(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Word(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Word(Cow::Owned(number.to_string())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Word::default())
    }
}

/// Whatever comes on a private or an order-entry socket, and acknowledgements on a public one.
#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Frame<'a> {
    #[serde(borrow)]
    pub topic: Word<'a>,
    #[serde(borrow)]
    pub op: Word<'a>,
    pub success: Option<bool>,
    #[serde(borrow, rename = "ret_msg")]
    pub message: Word<'a>,
    #[serde(rename = "retCode", deserialize_with = "code")]
    pub code: Option<i64>,
    #[serde(borrow, rename = "retMsg")]
    pub order_message: Word<'a>,
    #[serde(borrow, rename = "reqId")]
    pub request: Word<'a>,
    #[serde(borrow)]
    pub header: Option<FrameHeader<'a>>,
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
    #[serde(borrow, rename = "retExtInfo")]
    pub extra: Option<&'a RawValue>,
}

impl Default for Frame<'_> {
    fn default() -> Self {
        let none = Word::default;
        let (topic, op, message, order_message, request) = (none(), none(), none(), none(), none());
        Self { topic, op, success: None, message, code: None, order_message, request, header: None, data: None, extra: None }
    }
}

/// What an answer on the order-entry socket says about rate limits, in milliseconds of the venue's clock.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct FrameHeader<'a> {
    #[serde(borrow, rename = "X-Bapi-Limit-Reset-Timestamp")]
    pub reset: Word<'a>,
    #[serde(borrow, rename = "Timenow")]
    pub now: Word<'a>,
}

/// What every HTTP answer is wrapped in.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(rename = "retCode", deserialize_with = "whole")]
    pub code: i64,
    #[serde(borrow, default, rename = "retMsg")]
    pub message: Word<'a>,
    #[serde(borrow, default)]
    pub result: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "retExtInfo")]
    pub extra: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "whole")]
    pub time: i64,
}

/// What became of one item of a request that held several.
#[derive(Deserialize)]
pub(super) struct ItemCode<'a> {
    #[serde(deserialize_with = "whole")]
    pub code: i64,
    #[serde(borrow, default, rename = "msg")]
    pub message: Word<'a>,
}

/// A page of rows.
#[derive(Deserialize)]
pub(super) struct Page<'a, T> {
    #[serde(borrow, default, rename = "nextPageCursor")]
    pub cursor: Word<'a>,
    #[serde(default = "Vec::new")]
    pub list: Vec<T>,
}

/// The venue's id of an order that a request was taken for.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct TakenRow<'a> {
    #[serde(borrow)]
    pub order_id: Word<'a>,
}

/// An order, pushed or asked for.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct OrderRow<'a> {
    #[serde(borrow)]
    pub category: Word<'a>,
    #[serde(borrow)]
    pub symbol: Word<'a>,
    #[serde(borrow)]
    pub order_id: Word<'a>,
    #[serde(borrow)]
    pub order_link_id: Word<'a>,
    #[serde(borrow)]
    pub side: Word<'a>,
    #[serde(borrow)]
    pub order_type: Word<'a>,
    #[serde(borrow)]
    pub price: Word<'a>,
    #[serde(borrow)]
    pub qty: Word<'a>,
    #[serde(borrow)]
    pub cum_exec_qty: Word<'a>,
    #[serde(borrow)]
    pub order_status: Word<'a>,
    #[serde(borrow)]
    pub time_in_force: Word<'a>,
    #[serde(borrow)]
    pub cancel_type: Word<'a>,
    #[serde(borrow)]
    pub reject_reason: Word<'a>,
    #[serde(borrow)]
    pub stop_order_type: Word<'a>,
    #[serde(borrow)]
    pub market_unit: Word<'a>,
}

/// An execution, pushed or asked for.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ExecutionRow<'a> {
    #[serde(borrow)]
    pub category: Word<'a>,
    #[serde(borrow)]
    pub symbol: Word<'a>,
    #[serde(borrow)]
    pub exec_id: Word<'a>,
    #[serde(borrow)]
    pub exec_type: Word<'a>,
    #[serde(borrow)]
    pub exec_price: Word<'a>,
    #[serde(borrow)]
    pub exec_qty: Word<'a>,
    #[serde(borrow)]
    pub exec_value: Word<'a>,
    #[serde(borrow)]
    pub exec_fee: Word<'a>,
    #[serde(borrow)]
    pub fee_currency: Word<'a>,
    #[serde(borrow)]
    pub fee_rate: Word<'a>,
    #[serde(borrow)]
    pub mark_price: Word<'a>,
    #[serde(borrow)]
    pub order_link_id: Word<'a>,
    #[serde(borrow)]
    pub create_type: Word<'a>,
    #[serde(borrow)]
    pub side: Word<'a>,
    #[serde(borrow)]
    pub exec_time: Word<'a>,
    pub is_maker: bool,
}

/// A position, pushed or asked for.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PositionRow<'a> {
    #[serde(borrow)]
    pub category: Word<'a>,
    #[serde(borrow)]
    pub symbol: Word<'a>,
    #[serde(borrow)]
    pub side: Word<'a>,
    #[serde(borrow)]
    pub size: Word<'a>,
    #[serde(borrow)]
    pub position_idx: Word<'a>,
}

/// A wallet, pushed or asked for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WalletRow<'a> {
    #[serde(borrow)]
    pub coin: Vec<CoinRow<'a>>,
}

/// What a wallet holds of a coin.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct CoinRow<'a> {
    #[serde(borrow)]
    pub coin: Word<'a>,
    #[serde(borrow)]
    pub wallet_balance: Word<'a>,
}

/// An instrument with its filters.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct InstrumentRow<'a> {
    #[serde(borrow)]
    pub symbol: Word<'a>,
    #[serde(borrow)]
    pub contract_type: Word<'a>,
    #[serde(borrow)]
    pub status: Word<'a>,
    #[serde(borrow)]
    pub base_coin: Word<'a>,
    #[serde(borrow)]
    pub quote_coin: Word<'a>,
    #[serde(borrow)]
    pub settle_coin: Word<'a>,
    #[serde(borrow)]
    pub delivery_time: Word<'a>,
    #[serde(borrow)]
    pub price_filter: PriceFilter<'a>,
    #[serde(borrow)]
    pub lot_size_filter: LotSizeFilter<'a>,
}

/// Price steps.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PriceFilter<'a> {
    #[serde(borrow)]
    pub tick_size: Word<'a>,
}

/// Quantity steps and bounds; spot and derivatives name them differently.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LotSizeFilter<'a> {
    #[serde(borrow)]
    pub qty_step: Word<'a>,
    #[serde(borrow)]
    pub min_order_qty: Word<'a>,
    #[serde(borrow)]
    pub max_order_qty: Word<'a>,
    #[serde(borrow)]
    pub min_notional_value: Word<'a>,
    #[serde(borrow)]
    pub base_precision: Word<'a>,
    #[serde(borrow)]
    pub max_limit_order_qty: Word<'a>,
    #[serde(borrow)]
    pub min_order_amt: Word<'a>,
}

/// Whether a request to end all orders was done.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AllRow<'a> {
    #[serde(borrow)]
    pub success: Word<'a>,
}

/// The venue's clock.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct TimeRow<'a> {
    #[serde(borrow)]
    pub time_nano: Word<'a>,
}

/// What a key may do.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct KeyRow<'a> {
    #[serde(borrow)]
    pub read_only: Word<'a>,
    #[serde(borrow)]
    pub permissions: Permissions<'a>,
}

/// Rights by the part of the venue they are for.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Permissions<'a> {
    #[serde(borrow)]
    pub contract_trade: Vec<Word<'a>>,
    #[serde(borrow)]
    pub derivatives: Vec<Word<'a>>,
    #[serde(borrow)]
    pub spot: Vec<Word<'a>>,
    #[serde(borrow)]
    pub wallet: Vec<Word<'a>>,
}

/// A whole number, which may be written as text.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let word = Word::deserialize(deserializer)?;
    word.as_str().parse().map_err(|_| D::Error::custom(format!("`{}` is no whole number", word.as_str())))
}

fn code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    whole(deserializer).map(Some)
}

/// Reads one message.
pub(super) fn parse<'a, T: Deserialize<'a>>(what: &'static str, bytes: &'a [u8]) -> Result<T, MapError> {
    serde_json::from_slice(bytes).map_err(|why| MapError::Malformed { what, why: why.to_string() })
}

/// Reads what is inside a message; nothing there is malformed.
pub(super) fn inside<'a, T: Deserialize<'a>>(what: &'static str, field: &'static str, raw: Option<&'a RawValue>) -> Result<T, MapError> {
    let raw = raw.ok_or(MapError::Missing { what, field })?;
    serde_json::from_str(raw.get()).map_err(|why| MapError::Malformed { what, why: why.to_string() })
}
