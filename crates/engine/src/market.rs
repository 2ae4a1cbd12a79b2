//! What the public market looks like: books, last prices, and the one reference price orders are measured against.
//!
//! It is not control state. The reference is the mid of the book where depth is seen, else the mid of quotes, else the last
//! bar's close or trade: once a better source has spoken, lesser ones no longer move it, so a broken book makes the reference
//! old rather than wrong.

use crate::grid::grown;
use crate::registry::LARGEST_DENSE_ID;
use tradewind_algos::Touch;
use tradewind_book::{Applied, BookStatus, L2Book, SequenceRule};
use tradewind_limits::Reference;
use tradewind_types::{DepthUpdate, InstrumentId, InvalidBook, Mark, MarketEvent, Price, Quote, Timestamp, Trade};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    #[default]
    Print,
    Quote,
    Book,
}

#[derive(Clone, Debug, Default)]
struct InstrumentMarket {
    book: Option<L2Book>,
    quote: Option<Quote>,
    last_trade: Option<Trade>,
    mark: Option<Mark>,
    reference: Option<Reference>,
    source: Source,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Market {
    instruments: Vec<InstrumentMarket>,
}

/// What an event did to the trust in a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    Unmoved,
    Invalid(InvalidBook),
    Restored,
}

/// The public market of one instrument.
#[derive(Clone, Copy, Debug)]
pub struct MarketView<'a> {
    market: Option<&'a InstrumentMarket>,
}

impl<'a> MarketView<'a> {
    /// The order book, where depth is watched.
    #[must_use]
    pub fn book(&self) -> Option<&'a L2Book> {
        self.market?.book.as_ref()
    }

    /// The reference price that limits measure orders against, and when it was seen.
    #[inline]
    #[must_use]
    pub fn reference(&self) -> Option<Reference> {
        self.market?.reference
    }

    /// The last public trade.
    #[must_use]
    pub fn last_trade(&self) -> Option<Trade> {
        self.market?.last_trade
    }

    /// The last mark price and funding rate.
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        self.market?.mark
    }

    /// The last quote, if it can be one: a price on both sides, not crossed.
    #[inline]
    #[must_use]
    pub fn quote(&self) -> Option<Quote> {
        self.market?.quote.filter(is_usable)
    }

    /// Best bid and ask: of the book where depth is watched, else of the last quote.
    #[inline]
    #[must_use]
    pub fn touch(&self) -> Option<Touch> {
        let market = self.market?;
        match (&market.book, market.quote) {
            (Some(book), _) => Some(Touch { bid: book.best_bid()?.price, ask: book.best_ask()?.price }),
            (None, Some(quote)) if is_usable(&quote) => Some(Touch { bid: quote.bid, ask: quote.ask }),
            (None, _) => None,
        }
    }
}

impl Market {
    pub(crate) fn watch_book(&mut self, instrument: InstrumentId, rule: SequenceRule) {
        if instrument.0 <= LARGEST_DENSE_ID {
            grown(&mut self.instruments, instrument.index()).book = Some(L2Book::new(instrument, rule));
        }
    }

    /// Back to having seen nothing; which books are watched stays.
    pub(crate) fn forget(&mut self) {
        for market in &mut self.instruments {
            let book = market.book.as_ref().map(|book| L2Book::new(book.instrument(), book.rule()));
            *market = InstrumentMarket { book, ..InstrumentMarket::default() };
        }
    }

    #[inline]
    pub(crate) fn view(&self, instrument: InstrumentId) -> MarketView<'_> {
        MarketView { market: self.instruments.get(instrument.index()) }
    }

    #[inline]
    pub(crate) fn observe(&mut self, at: Timestamp, event: &MarketEvent<'_>) -> Trust {
        let instrument = event.instrument();
        if instrument.0 > LARGEST_DENSE_ID {
            return Trust::Unmoved;
        }
        let market = grown(&mut self.instruments, instrument.index());
        match event {
            MarketEvent::Depth(update) => return market.on_depth(at, update),
            MarketEvent::Quote(quote) => {
                market.quote = Some(*quote);
                if is_usable(quote) {
                    market.refer(Source::Quote, mid(quote.bid, quote.ask), at);
                }
            }
            MarketEvent::Trade(trade) => {
                market.last_trade = Some(*trade);
                market.refer(Source::Print, trade.price, at);
            }
            MarketEvent::Bar(bar) => market.refer(Source::Print, bar.close, at),
            MarketEvent::Mark(mark) => market.mark = Some(*mark),
        }
        Trust::Unmoved
    }
}

impl InstrumentMarket {
    #[inline]
    fn on_depth(&mut self, at: Timestamp, update: &DepthUpdate<'_>) -> Trust {
        // Depth of a book that nobody set up has no sequence rule to be checked by.
        let Some(book) = &mut self.book else { return Trust::Invalid(InvalidBook::NoSnapshot) };
        let trust = match book.apply(update) {
            Applied::Changed => Trust::Unmoved,
            Applied::Restored => Trust::Restored,
            Applied::Invalid(reason) => return Trust::Invalid(reason),
            Applied::Buffered | Applied::Ignored => {
                return match book.status() {
                    BookStatus::Valid => Trust::Unmoved,
                    BookStatus::Invalid(reason) => Trust::Invalid(reason),
                };
            }
        };
        if let (Some(bid), Some(ask)) = (book.best_bid(), book.best_ask()) {
            self.refer(Source::Book, mid(bid.price, ask.price), at);
        }
        trust
    }

    #[inline]
    fn refer(&mut self, source: Source, price: Price, at: Timestamp) {
        if source >= self.source && price.0 > 0 {
            self.source = source;
            self.reference = Some(Reference { price, at });
        }
    }
}

const fn is_usable(quote: &Quote) -> bool {
    quote.bid.0 > 0 && quote.ask.0 > quote.bid.0
}

/// The mid in whole ticks, rounded down.
#[inline]
const fn mid(bid: Price, ask: Price) -> Price {
    Price(bid.0 + (ask.0 - bid.0) / 2)
}
