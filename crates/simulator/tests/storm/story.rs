//! A storm in words that a trader understands.

use crate::storm::desk::{name_of, name_of_book};
use crate::storm::scenario::What;
use std::fmt;
use tradewind_types::{
    AccountId, Definition, Intent, LimitSettings, OrderId, OrderKind, OrderRequest, OrderTerms, Outcome, RefusalReason, Side, TimeInForce,
    VenueReply,
};

/// One row: when by our clock, what happened, what the engine made of it.
#[derive(Clone, Debug)]
pub struct Line {
    pub at_ns: i64,
    pub what: String,
    pub outcomes: Vec<String>,
}

/// A storm as a table.
pub struct Table<'a>(pub &'a [Line]);

const WHAT_WIDTH: usize = 96;

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>3}  {:>12}  {:<WHAT_WIDTH$}  what the engine made of it", "", "our clock ms", "what happened")?;
        for (number, line) in self.0.iter().enumerate() {
            let at = format!("{}.{:06}", line.at_ns / 1_000_000, (line.at_ns % 1_000_000).abs());
            let mut outcomes = line.outcomes.iter().map(String::as_str);
            writeln!(f, "{:>3}  {at:>12}  {:<WHAT_WIDTH$}  {}", number + 1, line.what, outcomes.next().unwrap_or("-"))?;
            for more in outcomes {
                writeln!(f, "{:>3}  {:>12}  {:<WHAT_WIDTH$}  {more}", "", "", "")?;
            }
        }
        Ok(())
    }
}

const fn verb(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

const fn account(id: AccountId) -> &'static str {
    match id.0 {
        0 => "wallet",
        1 => "margin",
        2 => "sub-account",
        _ => "undefined account",
    }
}

const fn life(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::GoodTillCancelled => "GTC",
        TimeInForce::ImmediateOrCancel => "IOC",
        TimeInForce::FillOrKill => "FOK",
        TimeInForce::PostOnly => "post-only",
        TimeInForce::GoodTillTime { .. } => "GTT",
    }
}

fn terms(t: &OrderTerms) -> String {
    let price = match t.kind {
        OrderKind::Limit { price } => format!("at {} {}", price.0, life(t.time_in_force)),
        OrderKind::Market => "at market".into(),
        OrderKind::Stop { trigger } => format!("stop {}", trigger.price.0),
        OrderKind::StopLimit { trigger, price } => format!("stop {} limit {} {}", trigger.price.0, price.0, life(t.time_in_force)),
        OrderKind::TakeProfit { trigger } => format!("take profit {}", trigger.price.0),
        OrderKind::TakeProfitLimit { trigger, price } => {
            format!("take profit {} limit {} {}", trigger.price.0, price.0, life(t.time_in_force))
        }
        OrderKind::Iceberg { price, display } => format!("at {} showing {} {}", price.0, display.0, life(t.time_in_force)),
    };
    format!("{} {} {} {price} ({}, {})", verb(t.side), t.qty.0, name_of(t.instrument), name_of_book(t.book), account(t.account))
}

/// An event that does not say more by how it went.
pub fn told(what: &What) -> String {
    match *what {
        What::Place(wish) => {
            let price = wish.offset.map_or_else(|| "at market".into(), |offset| format!("at mid {offset:+} {}", life(wish.time_in_force)));
            let (by, side, place) = (wish.by, verb(wish.side), name_of(wish.instrument));
            format!("{by:?} wants to {side} {} {place} {price} ({}, {})", wish.qty, name_of_book(wish.book), account(wish.account))
        }
        What::CancelAll { book } => format!("{} wants all its orders cancelled", name_of_book(book)),
        What::StartTwap { instrument, side, qty, slices, span_ns, book, .. } => {
            let ms = span_ns / 1_000_000;
            format!("TWAP: {} {qty} {} in {slices} slices over {ms} ms ({})", verb(side), name_of(instrument), name_of_book(book))
        }
        What::StartQuoting { instrument, qty, half_spread, book, .. } => {
            format!("quoting {qty} {} at {half_spread} half ticks ({})", name_of(instrument), name_of_book(book))
        }
        What::StartImmediate { instrument, side, qty, book, .. } => {
            format!("immediate: {} {qty} {} ({})", verb(side), name_of(instrument), name_of_book(book))
        }
        What::Halt { scope } => format!("operator halts {scope:?}"),
        What::Quote { instrument, step, width } => format!("market: {} quote moves {step:+}, {width} wide", name_of(instrument)),
        What::Print { instrument, step } => format!("market: {} trade, {step:+}", name_of(instrument)),
        What::Bar { instrument, step } => format!("market: {} bar, {step:+}", name_of(instrument)),
        What::Depth { skip: 0, is_snapshot, step } => {
            format!("market: linear book {}, {step:+}", if is_snapshot { "snapshot" } else { "change" })
        }
        What::Depth { is_snapshot, .. } => {
            format!("market: linear book {}, one message missing before it", if is_snapshot { "snapshot" } else { "change" })
        }
        What::Disconnect { venue, .. } => format!("the connection to venue {venue} breaks and comes back"),
        What::Restart { .. } => "the process dies and starts again".into(),
        What::TearNextWrite { .. } => "the machine will die while it writes the next order".into(),
        What::PowerLoss { .. } => "power cut: committed blocks are gone; the venue cancels all; start again".into(),
        What::ClockStep { ns } => format!("our clock jumps by {} ms", ns as f64 / 1e6),
        What::Garbage { kind, .. } => format!("nonsense of kind {kind}"),
        What::Lie(lie) => format!("the venue lies: {lie:?}"),
        What::Limit(settings) => format!("a limit is set: {}", limit(&settings)),
        What::Deposit { account: to, book, asset, amount } => {
            format!("{amount} units of asset {asset} come into {} for {}", account(to), name_of_book(book))
        }
        What::Amend { qty, .. } => format!("operator wants to amend an order to {qty} lots"),
        What::Cancel { .. } => "operator wants to cancel an order".into(),
        What::Timer => "a timer comes".into(),
        What::RequestArrives { .. } => "a request reaches the venue".into(),
        What::ReplyArrives { .. } => "a reply reaches us".into(),
        What::VenueTrades { .. } => "an order trades at the venue".into(),
        What::Timeout { .. } => "no word of an order in time".into(),
        What::Query { .. } => "the venue is asked about an order".into(),
        _ => format!("{what:?}"),
    }
}

/// A limit in words.
pub fn limit(settings: &LimitSettings) -> String {
    let place = settings.instrument.map_or("each instrument", name_of);
    let parts = [
        settings.max_position.map(|v| format!("position {} lots", v.0)),
        settings.max_order_qty.map(|v| format!("order {} lots", v.0)),
        settings.max_order_notional.map(|v| format!("order worth {} units", v.0)),
        settings.max_price_deviation.map(|v| format!("price within {:.2} bps of a reference", v.0 as f64 / 1e4)),
        settings.max_reference_age.map(|v| format!("reference not older than {} ms", v.0 / 1_000_000)),
        settings.max_orders_per_window.map(|v| format!("{v} orders per {:.1} ms", settings.rate_window.0 as f64 / 1e6)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{:?}, {place}: at most {}", settings.scope, if parts.is_empty() { "anything".into() } else { parts.join(", ") })
}

pub fn request(request: &OrderRequest) -> String {
    match request {
        OrderRequest::Place { order, terms: t } => format!("{order}: {}", terms(t)),
        OrderRequest::Cancel { order, .. } => format!("cancel of {order}"),
        OrderRequest::Amend { order, price, qty, .. } => format!("amend of {order} to {} at {}", qty.0, price.0),
    }
}

pub fn reply(reply: &VenueReply) -> String {
    match reply {
        VenueReply::Filled(fill) => fill_words(fill.order, fill.qty.0, fill.price.0, fill.trade.0),
        VenueReply::Accepted { order, .. } => format!("{order} accepted"),
        VenueReply::Rejected { order, reason } => format!("{order} rejected ({reason:?})"),
        VenueReply::Cancelled { order } => format!("{order} cancelled"),
        VenueReply::Expired { order } => format!("{order} expired"),
        VenueReply::CancelRejected { order, .. } => format!("cancel of {order} refused"),
        VenueReply::Amended { order, price, qty } => format!("{order} amended to {} at {}", qty.0, price.0),
        VenueReply::AmendRejected { order, .. } => format!("amend of {order} refused"),
        VenueReply::Lost { order, .. } => format!("no word of {order}"),
        VenueReply::NotFound { order } => format!("{order} not found"),
        VenueReply::Triggered { order } => format!("{order} triggered"),
        VenueReply::SelfTradePrevented { order } => format!("{order} ended before it met its owner's own order"),
    }
}

fn fill_words(order: OrderId, qty: i64, price: i64, trade: u128) -> String {
    format!("{order} filled {qty} at {price} (trade {trade})")
}

/// The name of an outcome's kind.
pub const fn kind_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Defined(_) => "Defined",
        Outcome::OrderSent { .. } => "OrderSent",
        Outcome::CancelSent { .. } => "CancelSent",
        Outcome::AmendSent { .. } => "AmendSent",
        Outcome::Refused { reason, .. } => refused(reason),
        Outcome::Accepted { .. } => "Accepted",
        Outcome::Rejected { .. } => "Rejected",
        Outcome::Filled { .. } => "Filled",
        Outcome::FillRepeated { .. } => "FillRepeated",
        Outcome::Cancelled { .. } => "Cancelled",
        Outcome::Expired { .. } => "Expired",
        Outcome::CancelRejected { .. } => "CancelRejected",
        Outcome::Amended { .. } => "Amended",
        Outcome::AmendRejected { .. } => "AmendRejected",
        Outcome::BecameUnknown { .. } => "BecameUnknown",
        Outcome::NeverArrived { .. } => "NeverArrived",
        Outcome::Unrecognised { .. } => "Unrecognised",
        Outcome::BookInvalid { .. } => "BookInvalid",
        Outcome::BookRestored { .. } => "BookRestored",
        Outcome::AlgoStarted { .. } => "AlgoStarted",
        Outcome::AlgoStopped { .. } => "AlgoStopped",
        Outcome::ParametersSet { .. } => "ParametersSet",
        Outcome::TimerSet { .. } => "TimerSet",
        Outcome::TimerFired { .. } => "TimerFired",
        Outcome::Halted { .. } => "Halted",
        Outcome::Resumed { .. } => "Resumed",
        Outcome::DefinitionRefused { .. } => "DefinitionRefused",
        Outcome::AlgoRefused { .. } => "AlgoRefused",
        Outcome::Triggered { .. } => "Triggered",
        Outcome::SelfTradePrevented { .. } => "SelfTradePrevented",
        Outcome::Funded { .. } => "Funded",
        Outcome::AccountTraded { .. } => "AccountTraded",
        Outcome::AccountEventRefused { .. } => "AccountEventRefused",
        Outcome::TransferSent { .. } => "TransferSent",
        Outcome::TransferArrived { .. } => "TransferArrived",
        Outcome::TransferRefused { .. } => "TransferRefused",
        Outcome::EquityMarked { .. } => "EquityMarked",
        Outcome::OrdersRetired { .. } => "OrdersRetired",
    }
}

const fn refused(reason: &RefusalReason) -> &'static str {
    match reason {
        RefusalReason::Halted { .. } => "refused: halted",
        RefusalReason::OrderQty { .. } => "refused: order quantity",
        RefusalReason::OrderNotional { .. } => "refused: order value",
        RefusalReason::PriceCollar { .. } => "refused: price collar",
        RefusalReason::StaleReference { .. } => "refused: stale reference",
        RefusalReason::Position { .. } => "refused: position",
        RefusalReason::OrderRate { .. } => "refused: order rate",
        RefusalReason::InsufficientBalance { .. } => "refused: balance",
        RefusalReason::VenueFilter { .. } => "refused: venue filter",
        RefusalReason::Late { .. } => "refused: late",
        RefusalReason::NotLive { .. } => "refused: not live",
        RefusalReason::NotDefined { .. } => "refused: not defined",
        RefusalReason::InvalidBook { .. } => "refused: invalid book",
        RefusalReason::Overflow => "refused: overflow",
        RefusalReason::Restricted { .. } => "refused: restricted",
        RefusalReason::Duplicate { .. } => "refused: duplicate",
        RefusalReason::SelfTrade { .. } => "refused: self-trade",
        RefusalReason::CancelRatio { .. } => "refused: cancel ratio",
        RefusalReason::Unanswered { .. } => "refused: unanswered",
        RefusalReason::Gross { .. } => "refused: gross",
        RefusalReason::Net { .. } => "refused: net",
        RefusalReason::OpenOrders { .. } => "refused: open orders",
        RefusalReason::Leverage { .. } => "refused: leverage",
        RefusalReason::NoValuation { .. } => "refused: no valuation",
        RefusalReason::DailyLoss { .. } => "refused: daily loss",
        RefusalReason::Drawdown { .. } => "refused: drawdown",
        RefusalReason::InsufficientMargin { .. } => "refused: margin",
        RefusalReason::InstrumentExpired { .. } => "refused: expired instrument",
        RefusalReason::Contradiction => "refused: contradiction",
    }
}

/// An outcome in few words.
pub fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::OrderSent { order, terms: t, .. } => format!("sends {order}: {}", terms(t)),
        Outcome::CancelSent { order, .. } => format!("sends the cancel of {order}"),
        Outcome::AmendSent { order, price, qty, .. } => format!("sends the amend of {order} to {} at {}", qty.0, price.0),
        Outcome::Refused { intent, reason, .. } => format!("refuses to {}: {reason}", intent_name(intent)),
        Outcome::Filled { fill, .. } => format!("books {}", fill_words(fill.order, fill.qty.0, fill.price.0, fill.trade.0)),
        Outcome::FillRepeated { order, trade, .. } => format!("has trade {} of {order} already", trade.0),
        Outcome::Defined(Definition::Epoch { epoch, .. }) => format!("epoch {epoch} begins"),
        Outcome::BecameUnknown { order, .. } => format!("{order} is unknown"),
        Outcome::Accepted { order, .. }
        | Outcome::Rejected { order, .. }
        | Outcome::Cancelled { order, .. }
        | Outcome::Expired { order, .. }
        | Outcome::CancelRejected { order, .. }
        | Outcome::Amended { order, .. }
        | Outcome::AmendRejected { order, .. }
        | Outcome::Unrecognised { order, .. }
        | Outcome::NeverArrived { order, .. } => format!("{} {order}", kind_of(outcome)),
        Outcome::AlgoStarted { algo, .. } | Outcome::AlgoStopped { algo, .. } | Outcome::ParametersSet { algo, .. } => {
            format!("{} {algo}", kind_of(outcome))
        }
        Outcome::Halted { scope, .. } => format!("halts {scope:?}"),
        Outcome::Resumed { scope, .. } => format!("resumes {scope:?}"),
        _ => kind_of(outcome).to_owned(),
    }
}

const fn intent_name(intent: &Intent) -> &'static str {
    match intent {
        Intent::Place(_) => "place",
        Intent::Cancel { .. } => "cancel",
        Intent::Amend { .. } => "amend",
        Intent::CancelAll { .. } => "cancel all",
    }
}
