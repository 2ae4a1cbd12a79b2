//! The market that every venue shares: seeded agents who trade around one fair value per coin.
//!
//! Each coin has one value for all venues ([`fair`]); a venue's makers learn of it after that venue's delay and keep ladders of
//! quotes around it, takers come at random, and arbitrageurs look at all venues at once. So books move, trades print, a book that
//! was emptied fills again, and a price that one venue has and another has not yet closes again. Perpetuals trade at a premium
//! that wanders; their marks, index and funding follow from it.
//!
//! Who acts when is drawn from the seed: the same seed, and the same clients' requests at the same times, give the same market to
//! the byte.

pub mod chance;
pub mod fair;
mod history;
mod maker;

use crate::house::{Category, House, Listing, MarkState};
use chance::Chance;
use fair::{FairValues, WHOLE, part};
use maker::{Maker, Numbers, Taker, View, value_of};
use std::collections::BTreeSet;
use tradewind_types::{InstrumentId, Nanos, Qty, Rate, Side, Timestamp};

/// What coins are worth when the market opens, in 10^-8 dollars.
const COINS: &[(&str, i64)] =
    &[("BTC", 6_700_000_000_000), ("ETH", 350_000_000_000), ("SOL", 15_000_000_000), ("XRP", 220_000_000), ("DOGE", 16_000_000)];
const MAKERS: u32 = 4;
/// How late the first venue's makers learn of a value, and each further one's after it.
const FIRST_DELAY: Nanos = Nanos::from_millis(100);
const FURTHER_DELAY: Nanos = Nanos::from_millis(200);
const MAKER_PAUSE: Nanos = Nanos::from_millis(200);
const TAKER_PAUSE: Nanos = Nanos::from_millis(250);
const MARK_PAUSE: Nanos = Nanos::from_secs(1);
const ARBITRAGE_PAUSE: Nanos = Nanos::from_millis(400);
/// Least gain for which an arbitrageur moves: two basis points.
const ARBITRAGE_GAIN: i64 = WHOLE / 5_000;
/// Furthest a perpetual is from its index: five basis points.
const LARGEST_PREMIUM: i64 = WHOLE / 2_000;
/// 0.01 % per funding, and how far a funding may be from the premium, in 10^-8.
const INTEREST: i64 = 10_000;
const INTEREST_BOUND: i64 = 50_000;

/// One instrument of one venue.
#[derive(Clone, Debug)]
struct Pitch {
    venue: usize,
    listing: Listing,
    delay: Nanos,
    makers: Vec<Maker>,
    taker: Taker,
    /// What a perpetual is dearer than its coin, in parts of [`WHOLE`].
    premium: i64,
    chance: Chance,
}

/// Who is to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Actor {
    /// The values move.
    Values,
    /// A perpetual is marked.
    Mark { pitch: usize },
    /// A maker looks at its quotes.
    Maker { pitch: usize, maker: usize },
    /// Somebody takes.
    Taker { pitch: usize },
    /// Somebody compares the venues that list what this pitch lists.
    Arbitrageur { pitch: usize },
}

/// All agents of all venues; see the module.
#[derive(Clone, Debug)]
pub struct Agents {
    values: FairValues,
    pitches: Vec<Pitch>,
    agenda: BTreeSet<(Timestamp, Actor)>,
    numbers: Numbers,
    arbitrageur: Taker,
    chance: Chance,
    arbitrages: u64,
}

impl Agents {
    /// Agents for houses, which they fill with quotes and a past at `start`.
    #[must_use]
    pub fn open(houses: &mut [&mut House], seed: u64, start: Timestamp) -> Self {
        let mut chance = Chance::new(seed, 0);
        let mut agents = Self {
            values: FairValues::new(COINS, seed, start),
            pitches: Vec::new(),
            agenda: BTreeSet::new(),
            numbers: Numbers::default(),
            arbitrageur: Taker::new(0),
            chance: Chance::new(seed, 2),
            arbitrages: 0,
        };
        agents.agenda.insert((agents.values.next_step(), Actor::Values));
        for (venue, house) in houses.iter_mut().enumerate() {
            let delay = Nanos(FIRST_DELAY.0 + FURTHER_DELAY.0 * venue as i64);
            for listing in house.listings().to_vec() {
                let past = agents.values.pair(&listing.base, &listing.quote, Nanos(0));
                let Some(value) = past else { continue };
                let first = agents.pitches.len() as u32 * (MAKERS + 1) + 1;
                let makers = (0..MAKERS).map(|index| Maker::new(first + index, &mut chance)).collect();
                let pitch_chance = Chance::new(seed, 100 + agents.pitches.len() as u64);
                let taker = Taker::new(first + MAKERS);
                let mut pitch = Pitch { venue, listing, delay, makers, taker, premium: 0, chance: pitch_chance };
                let view = View { listing: &pitch.listing, value, quote_value: agents.quote_value(&pitch.listing) };
                house.precede(pitch.listing.id(), &history::minutes(&view, start, &mut pitch.chance));
                agents.pitches.push(pitch);
            }
        }
        agents.schedule(start);
        for pitch in 0..agents.pitches.len() {
            agents.mark(start, pitch, houses);
            for maker in 0..MAKERS as usize {
                agents.quote(start, pitch, maker, houses);
            }
        }
        agents
    }

    fn schedule(&mut self, start: Timestamp) {
        for pitch in 0..self.pitches.len() {
            let listing = &self.pitches[pitch].listing;
            let is_first = |other: &Pitch| other.listing.category == listing.category && other.listing.symbol() == listing.symbol();
            let is_compared = self.pitches.iter().position(is_first) == Some(pitch);
            let is_perpetual = listing.category == Category::Linear;
            for maker in 0..MAKERS as usize {
                self.call(start, MAKER_PAUSE, Actor::Maker { pitch, maker });
            }
            self.call(start, TAKER_PAUSE, Actor::Taker { pitch });
            if is_compared {
                self.call(start, ARBITRAGE_PAUSE, Actor::Arbitrageur { pitch });
            }
            if is_perpetual {
                self.agenda.insert((start.plus(MARK_PAUSE), Actor::Mark { pitch }));
            }
        }
    }

    /// Lets somebody act again after half the pause up to one and a half.
    fn call(&mut self, now: Timestamp, pause: Nanos, actor: Actor) {
        let wait = pause.0 / 2 + self.chance.below(pause.0);
        self.agenda.insert((now.plus(Nanos(wait.max(1))), actor));
    }

    /// When somebody acts next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.agenda.first().map(|(at, _)| *at)
    }

    /// How often an arbitrageur found a price worth taking on two venues.
    #[must_use]
    pub const fn arbitrages(&self) -> u64 {
        self.arbitrages
    }

    /// What coins are worth.
    #[must_use]
    pub const fn values(&self) -> &FairValues {
        &self.values
    }

    /// Lets everybody act whose time has come by `now`, each at its time.
    pub fn on_time(&mut self, now: Timestamp, houses: &mut [&mut House]) {
        while let Some((at, actor)) = self.agenda.first().copied().filter(|(at, _)| *at <= now) {
            self.agenda.remove(&(at, actor));
            match actor {
                Actor::Values => {
                    self.values.step();
                    self.agenda.insert((self.values.next_step(), actor));
                }
                Actor::Mark { pitch } => {
                    self.mark(at, pitch, houses);
                    self.agenda.insert((at.plus(MARK_PAUSE), actor));
                }
                Actor::Maker { pitch, maker } => {
                    self.quote(at, pitch, maker, houses);
                    self.call(at, MAKER_PAUSE, actor);
                }
                Actor::Taker { pitch } => {
                    self.take(at, pitch, houses);
                    self.call(at, TAKER_PAUSE, actor);
                }
                Actor::Arbitrageur { pitch } => {
                    self.arbitrage(at, pitch, houses);
                    self.call(at, ARBITRAGE_PAUSE, actor);
                }
            }
        }
    }

    /// Dollars per quote asset, 10^-8.
    fn quote_value(&self, listing: &Listing) -> i64 {
        self.values.seen(&listing.quote, Nanos(0)).unwrap_or(100_000_000)
    }

    /// What a pitch's makers take its instrument to be worth.
    fn value(&self, pitch: &Pitch, delay: Nanos) -> i64 {
        let value = self.values.pair(&pitch.listing.base, &pitch.listing.quote, delay).unwrap_or(1);
        part(value, WHOLE + pitch.premium)
    }

    fn quote(&mut self, now: Timestamp, pitch: usize, maker: usize, houses: &mut [&mut House]) {
        let (value, quote_value) =
            (self.value(&self.pitches[pitch], self.pitches[pitch].delay), self.quote_value(&self.pitches[pitch].listing));
        let Pitch { venue, listing, makers, chance, .. } = &mut self.pitches[pitch];
        let view = View { listing, value, quote_value };
        makers[maker].act(now, houses[*venue], &view, chance, &mut self.numbers);
    }

    fn take(&mut self, now: Timestamp, pitch: usize, houses: &mut [&mut House]) {
        let (value, quote_value) =
            (self.value(&self.pitches[pitch], self.pitches[pitch].delay), self.quote_value(&self.pitches[pitch].listing));
        let Pitch { venue, listing, taker, chance, .. } = &mut self.pitches[pitch];
        let view = View { listing, value, quote_value };
        taker.act(now, houses[*venue], &view, chance, &mut self.numbers);
    }

    fn mark(&mut self, now: Timestamp, pitch: usize, houses: &mut [&mut House]) {
        let index = {
            let at = &self.pitches[pitch];
            self.values.pair(&at.listing.base, &at.listing.quote, at.delay).unwrap_or(1)
        };
        let quote_value = self.quote_value(&self.pitches[pitch].listing);
        let Pitch { venue, listing, premium, chance, .. } = &mut self.pitches[pitch];
        if listing.category != Category::Linear {
            return;
        }
        *premium = (*premium - *premium / 300 + chance.normal(20_000)).clamp(-LARGEST_PREMIUM, LARGEST_PREMIUM);
        let view = View { listing, value: index, quote_value };
        // Rates are in 10^-8, premiums in 10^-9.
        let premium_rate = *premium / 10;
        let rate = premium_rate + (INTEREST - premium_rate).clamp(-INTEREST_BOUND, INTEREST_BOUND);
        let interval = listing.funding_interval.0.max(1);
        let next_funding = Timestamp((now.0.div_euclid(interval) + 1) * interval);
        let mark =
            MarkState { mark: view.ticks(part(index, WHOLE + *premium)), index: view.ticks(index), funding_rate: Rate(rate), next_funding };
        houses[*venue].set_mark(now, listing.id(), mark);
    }

    /// Buys where it is cheapest and sells where it is dearest, where that pays.
    fn arbitrage(&mut self, now: Timestamp, pitch: usize, houses: &mut [&mut House]) {
        let listing = &self.pitches[pitch].listing;
        let is_same = |other: &&Pitch| other.listing.category == listing.category && other.listing.symbol() == listing.symbol();
        let (mut cheapest, mut dearest) = (None, None);
        for (index, other) in self.pitches.iter().enumerate().filter(|(_, other)| is_same(other)) {
            let (bid, ask) = houses[other.venue].top(other.listing.id());
            let value = |level: Option<crate::house::Level>| level.map(|level| (value_of(&other.listing, level.price), index));
            cheapest = [cheapest, value(ask)].into_iter().flatten().min();
            dearest = [dearest, value(bid)].into_iter().flatten().max();
        }
        let (Some((ask, buy_at)), Some((bid, sell_at))) = (cheapest, dearest) else { return };
        if bid <= part(ask, WHOLE + ARBITRAGE_GAIN) {
            return;
        }
        self.arbitrages += 1;
        let bought = self.take_best(now, buy_at, Side::Buy, None, houses);
        if let Some(base) = bought {
            self.take_best(now, sell_at, Side::Sell, Some(base), houses);
        }
    }

    /// Takes the best level against `side`, no more than `most` base units; says how many base units.
    fn take_best(
        &mut self,
        now: Timestamp,
        pitch: usize,
        side: Side,
        most: Option<tradewind_types::Amount>,
        houses: &mut [&mut House],
    ) -> Option<tradewind_types::Amount> {
        let Pitch { venue, listing, .. } = &self.pitches[pitch];
        let (bid, ask) = houses[*venue].top(listing.id());
        let best = if side == Side::Buy { ask } else { bid }?;
        let qty = Qty(most.map_or(best.qty.0, |most| listing.instrument.whole_lots(most)).min(best.qty.0));
        if qty == Qty::ZERO {
            return None;
        }
        let view = View { listing, value: value_of(listing, best.price), quote_value: self.quote_value(listing) };
        let taken = self.arbitrageur.take(now, houses[*venue], &view, side, best.price, qty, &mut self.numbers);
        listing.instrument.base_amount(taken.0).ok().filter(|base| base.0 > 0)
    }

    /// Instruments that have agents, by venue.
    pub fn markets(&self) -> impl Iterator<Item = (usize, InstrumentId)> + '_ {
        self.pitches.iter().map(|pitch| (pitch.venue, pitch.listing.id()))
    }
}
