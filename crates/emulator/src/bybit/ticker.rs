//! The day's figures of an instrument, over REST and as a stream that tells what changed.

use super::figures;
use super::json::Object;
use crate::house::{Candle, Category, House, Listing, MINUTE, MarkState};
use tradewind_types::{Amount, Qty, Timestamp};

/// Named figures, in the venue's order.
pub(super) type Quote = Vec<(&'static str, String)>;

/// The figures of an instrument as the stream tells them.
pub(super) fn quote(now: Timestamp, listing: &Listing, house: &House) -> Quote {
    let Some(tape) = house.tape(listing.id()) else { return Quote::new() };
    let day = tape.day(now);
    let mut quote = vec![("symbol", listing.symbol().to_owned())];
    match listing.category {
        Category::Spot => {
            quote.extend(day_figures(listing, day.as_ref()));
            quote.push(("usdIndexPrice", figures::maybe_price(listing, tape.last_price())));
        }
        Category::Linear => {
            quote.push(("tickDirection", "ZeroPlusTick".to_owned()));
            quote.extend(day_figures(listing, day.as_ref()));
            quote.push(("prevPrice1h", hour_ago(now, listing, house)));
            quote.extend(mark_figures(listing, tape.mark(), house));
            quote.extend(best(listing, house));
        }
    }
    quote
}

/// The figures of an instrument as REST gives them: spot with its best prices, too.
pub(super) fn row(now: Timestamp, listing: &Listing, house: &House) -> Object {
    let mut quote = quote(now, listing, house);
    if listing.category == Category::Spot {
        quote.extend(best(listing, house));
    }
    let object = quote.iter().fold(Object::new(), |object, (name, value)| object.text(name, value));
    match listing.category {
        Category::Spot => object,
        Category::Linear => {
            object.text("predictedDeliveryPrice", "").text("basisRate", "").text("deliveryFeeRate", "").text("deliveryTime", "0")
        }
    }
}

fn day_figures(listing: &Listing, day: Option<&Candle>) -> Quote {
    let price = |of: fn(&Candle) -> tradewind_types::Price| figures::maybe_price(listing, day.map(of));
    let change = day.map_or((0, 0), |day| (i128::from(day.close.0 - day.open.0), i128::from(day.open.0)));
    vec![
        ("lastPrice", price(|day| day.close)),
        ("highPrice24h", price(|day| day.high)),
        ("lowPrice24h", price(|day| day.low)),
        ("prevPrice24h", price(|day| day.open)),
        ("volume24h", figures::qty(listing, day.map_or(Qty::ZERO, |day| day.volume))),
        ("turnover24h", figures::amount(day.map_or(Amount::ZERO, |day| day.value))),
        ("price24hPcnt", figures::share(change.0, change.1)),
    ]
}

fn hour_ago(now: Timestamp, listing: &Listing, house: &House) -> String {
    let since = Timestamp(now.0 - 60 * MINUTE.0);
    let minutes = super::candles::series(super::topic::Interval::Minutes(60), listing, house);
    let before = minutes.iter().rev().find(|hour| hour.open_at <= since).or_else(|| minutes.first());
    figures::maybe_price(listing, before.map(|hour| hour.open))
}

fn mark_figures(listing: &Listing, mark: Option<&MarkState>, house: &House) -> Quote {
    let open = Qty(house.outsiders_lots(listing.id()).abs());
    let worth = mark.and_then(|state| listing.instrument.value(state.mark, open.0, tradewind_types::Rounding::Truncate).ok());
    let hours = listing.funding_interval.0 / (60 * MINUTE.0);
    vec![
        ("markPrice", figures::maybe_price(listing, mark.map(|state| state.mark))),
        ("indexPrice", figures::maybe_price(listing, mark.map(|state| state.index))),
        ("openInterest", figures::qty(listing, open)),
        ("openInterestValue", figures::amount(worth.unwrap_or_default())),
        ("nextFundingTime", mark.map_or_else(|| "0".to_owned(), |state| figures::millis(state.next_funding).to_string())),
        ("fundingRate", mark.map_or_else(String::new, |state| figures::rate(state.funding_rate))),
        ("fundingIntervalHour", hours.to_string()),
    ]
}

fn best(listing: &Listing, house: &House) -> Quote {
    let (bid, ask) = house.top(listing.id());
    let price = |level: Option<crate::house::Level>| figures::maybe_price(listing, level.map(|level| level.price));
    let size = |level: Option<crate::house::Level>| level.map_or_else(String::new, |level| figures::qty(listing, level.qty));
    vec![("bid1Price", price(bid)), ("bid1Size", size(bid)), ("ask1Price", price(ask)), ("ask1Size", size(ask))]
}

/// What followers are told of a new quote: spot's whole quote, contracts' changed figures; `None` where nothing changed.
pub(super) fn news(category: Category, told: &Quote, quote: &Quote) -> Option<(&'static str, Quote)> {
    if told == quote {
        return None;
    }
    match category {
        Category::Spot => Some(("snapshot", quote.clone())),
        Category::Linear => {
            let is_news = |field: &&(&'static str, String)| field.0 == "symbol" || !told.contains(field);
            Some(("delta", quote.iter().filter(is_news).cloned().collect()))
        }
    }
}

/// A frame of the stream.
pub(super) fn message(
    now: Timestamp,
    listing: &Listing,
    kind: &str,
    fields: impl Iterator<Item = (&'static str, String)>,
    house: &House,
) -> String {
    let (topic, now_ms) = (format!("tickers.{}", listing.symbol()), figures::millis(now));
    let data = fields.fold(Object::new(), |object, (name, value)| object.text(name, value)).close();
    let sequence = house.update(listing.id());
    let name = Object::new().text("topic", topic);
    match listing.category {
        Category::Spot => name.raw("ts", now_ms).text("type", kind).raw("cs", sequence).raw("data", data).close(),
        Category::Linear => name.text("type", kind).raw("data", data).raw("cs", sequence).raw("ts", now_ms).close(),
    }
}
