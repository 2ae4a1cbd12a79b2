//! `exchangeInfo`: what trades, by which filters.

use super::wire::{ExchangeInfo, Filter, Symbol};
use crate::digits::DigitsError;
use crate::directory::Market;
use crate::error::MapError;
use crate::message::{Inbox, ListedInstrument, Message};
use std::borrow::Cow;
use tradewind_types::{Decimal, InstrumentKind, Timestamp};

const WHAT: &str = "exchangeInfo";

/// Reads the instruments of a market. Symbols of kinds that nothing here trades (options, an unnamed contract type) are passed over.
pub(super) fn read(market: Market, body: &[u8], inbox: &mut Inbox) -> Result<(), MapError> {
    let info: ExchangeInfo<'_> = serde_json::from_slice(body).map_err(|e| MapError::Malformed { what: WHAT, why: e.to_string() })?;
    for symbol in &info.symbols {
        if let Some(kind) = kind(market, symbol) {
            let listed = instrument(market, symbol, kind)?;
            inbox.messages.push(Message::Listed(Box::new(listed)));
        }
    }
    Ok(())
}

/// `contractType`, with the delivery date where it ends.
fn kind(market: Market, symbol: &Symbol<'_>) -> Option<InstrumentKind> {
    if market == Market::Spot {
        return Some(InstrumentKind::Spot);
    }
    match symbol.contract_type.as_deref()? {
        "PERPETUAL" | "TRADIFI_PERPETUAL" => Some(InstrumentKind::LinearPerpetual),
        "CURRENT_MONTH" | "NEXT_MONTH" | "CURRENT_QUARTER" | "NEXT_QUARTER" => {
            Some(InstrumentKind::LinearFuture { expiry: Timestamp(symbol.delivery_date?.saturating_mul(1_000_000)) })
        }
        _ => None,
    }
}

fn instrument(market: Market, symbol: &Symbol<'_>, kind: InstrumentKind) -> Result<ListedInstrument, MapError> {
    let filter = |name: &str| symbol.filters.iter().find(|filter| filter.filter_type == name);
    let missing = |field| MapError::Missing { what: WHAT, field };
    let prices = filter("PRICE_FILTER").ok_or_else(|| missing("PRICE_FILTER"))?;
    let sizes = filter("LOT_SIZE").ok_or_else(|| missing("LOT_SIZE"))?;
    let positive = |value: Decimal| Some(value).filter(|value| value.mantissa > 0);
    let quote = symbol.quote_asset.clone().into_owned();
    let is_open = symbol.status == "TRADING" && symbol.is_spot_trading_allowed != Some(false);
    Ok(ListedInstrument {
        market,
        symbol: symbol.symbol.clone().into_owned(),
        kind,
        base: symbol.base_asset.clone().into_owned(),
        settle: symbol.margin_asset.as_deref().map_or_else(|| quote.clone(), str::to_owned),
        quote,
        tick: number("tickSize", prices.tick_size.as_ref().ok_or_else(|| missing("tickSize"))?)?,
        lot: number("stepSize", sizes.step_size.as_ref().ok_or_else(|| missing("stepSize"))?)?,
        multiplier: Decimal { mantissa: 1, scale: 0 },
        min_qty: optional("minQty", sizes.min_qty.as_ref())?,
        max_qty: positive(optional("maxQty", sizes.max_qty.as_ref())?),
        min_notional: min_notional(filter("NOTIONAL").or_else(|| filter("MIN_NOTIONAL")))?,
        is_trading: is_open,
    })
}

/// Spot says `minNotional`, futures `notional`; no filter, no bound.
fn min_notional(filter: Option<&Filter<'_>>) -> Result<Decimal, MapError> {
    let stated = filter.and_then(|filter| filter.min_notional.as_ref().or(filter.notional.as_ref()));
    optional("minNotional", stated)
}

fn optional(field: &'static str, text: Option<&Cow<'_, str>>) -> Result<Decimal, MapError> {
    text.map_or(Ok(Decimal { mantissa: 0, scale: 0 }), |text| number(field, text))
}

fn number(field: &'static str, text: &str) -> Result<Decimal, MapError> {
    text.parse().map_err(|_| MapError::Number { what: WHAT, field: field.into(), text: text.to_owned(), why: DigitsError::Malformed })
}
