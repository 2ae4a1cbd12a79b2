//! Laws of a living market: agents and clients in the same books, over minutes, from seeds.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use std::collections::BTreeMap;
use tradewind_emulator::agents::Agents;
use tradewind_emulator::agents::chance::Chance;
use tradewind_emulator::house::{Category, ClientId, House, Leg, News, OrderNo, OrderRef, PlaceOrder, Size, Wallet};
use tradewind_emulator::venues::Venue;
use tradewind_types::{
    Amount, Exposure, InstrumentId, Nanos, OrderKind, Price, Qty, SelfTradePrevention, Side, TimeInForce, Timestamp, Trigger, TriggerSource,
};

const START: Timestamp = Timestamp(1_700_000_000_000_000_000);
const CLIENTS: u32 = 3;

struct World {
    houses: Vec<House>,
    agents: Agents,
    now: Timestamp,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut houses: Vec<House> = Venue::ALL.iter().map(|venue| House::new(&venue.house(seed, CLIENTS), START).unwrap()).collect();
        let agents = Agents::open(&mut houses.iter_mut().collect::<Vec<_>>(), seed, START);
        Self { houses, agents, now: START }
    }

    fn advance(&mut self, to: Timestamp) {
        while let Some(at) = self.agents.next_deadline().filter(|at| *at <= to) {
            self.agents.on_time(at, &mut self.houses.iter_mut().collect::<Vec<_>>());
        }
        for house in &mut self.houses {
            house.on_time(to);
        }
        self.now = to;
    }

    fn news(&mut self, venue: usize) -> Vec<News> {
        let mut news = Vec::new();
        self.houses[venue].take_news(&mut news);
        news
    }
}

/// Something a client might do: mostly orders near the market, of all kinds, and now and then a cancel or an amend.
fn act(house: &mut House, now: Timestamp, chance: &mut Chance) {
    let client = ClientId(chance.below(i64::from(CLIENTS)) as u32);
    let open: Vec<OrderNo> = house.open_orders(client).map(|record| record.no).collect();
    if !open.is_empty() && chance.one_in(3) {
        let no = OrderRef::No(open[chance.below(open.len() as i64) as usize]);
        let record = house.order(client, no).unwrap().clone();
        if chance.one_in(2) {
            house.cancel(now, client, no).ok();
        } else if let Some(price) = record.price() {
            let price = Price(price.0 + chance.below(21) - 10);
            house.amend(now, client, no, Some(price), Some(Qty(record.terms.qty.0 + chance.below(5)))).ok();
        }
        return;
    }
    let listing = house.listings()[chance.below(house.listings().len() as i64) as usize].clone();
    let (Some(bid), Some(ask)) = house.top(listing.id()) else { return };
    let side = if chance.one_in(2) { Side::Buy } else { Side::Sell };
    let near = |chance: &mut Chance| Price((if side == Side::Buy { bid.price.0 } else { ask.price.0 }) + chance.below(201) - 100);
    let trigger = Trigger { price: Price(near(chance).0 + side.sign() * 50), source: TriggerSource::Last };
    let kind = match chance.below(6) {
        0 => OrderKind::Market,
        1 => OrderKind::Stop { trigger },
        2 => OrderKind::StopLimit { trigger, price: near(chance) },
        _ => OrderKind::Limit { price: near(chance) },
    };
    let time_in_force = match (chance.below(5), kind) {
        (_, OrderKind::Market) | (0, _) => TimeInForce::ImmediateOrCancel,
        (1, _) => TimeInForce::PostOnly,
        (2, _) => TimeInForce::GoodTillTime { until: now.plus(Nanos::from_secs(3)) },
        _ => TimeInForce::GoodTillCancelled,
    };
    let exposure = if listing.category == Category::Linear && chance.one_in(4) { Exposure::ReduceOnly } else { Exposure::Any };
    let dollars = 50 + chance.below(30_000);
    let of_lot = listing.instrument.value(bid.price, 1, tradewind_types::Rounding::Ceil).unwrap().0.max(1);
    let qty = Qty((i128::from(dollars) * 1_000_000_000_000 / of_lot).try_into().unwrap());
    let self_trade = [None, Some(SelfTradePrevention::CancelBoth), Some(SelfTradePrevention::Decrement)][chance.below(3) as usize];
    let order = PlaceOrder {
        client,
        instrument: listing.id(),
        client_order_id: "",
        side,
        kind,
        time_in_force,
        size: Size::Lots(qty),
        exposure,
        self_trade,
        remark: 0,
    };
    house.place(now, &order).ok();
}

/// Deposits of all clients in an asset.
fn deposits(venue: Venue, asset: &str) -> i128 {
    let setup = venue.house(0, CLIENTS);
    let all = setup.clients.iter().flat_map(|client| &client.deposits).filter(|(_, symbol, _)| symbol == asset);
    all.map(|(_, _, amount)| i128::from(amount.mantissa) * 1_000_000_000_000).sum()
}

/// No money appears or is lost: what clients gained, with what they paid in fees, is what outsiders lost; open positions count at
/// what they cost.
fn assert_conserved(venue: Venue, house: &House) {
    for asset in house.assets() {
        let mut sum = house.outsiders_cash(asset.id).0 - deposits(venue, &asset.symbol);
        for client in house.clients() {
            let mut accounts = vec![client.spot, client.derivatives];
            accounts.dedup();
            for account in accounts {
                let balance = house.balance(account, asset.id);
                sum += balance.wallet.0;
                let settled = house
                    .positions(account)
                    .into_iter()
                    .filter(|p| house.listing(p.instrument).is_some_and(|listing| listing.instrument.value_asset() == asset.id));
                sum -= settled.map(|position| position.entry_value.0).sum::<i128>();
                let is_spot_only = account == client.spot && account != client.derivatives;
                assert!(!is_spot_only || (balance.wallet.0 >= 0 && balance.free.0 >= 0), "{} {balance:?}", asset.symbol);
            }
            sum += house.fills(client.id).filter(|fill| fill.fee.asset == asset.id).map(|fill| fill.fee.amount.0).sum::<i128>();
            let settles = |id: InstrumentId| house.listing(id).is_some_and(|l| l.instrument.value_asset() == asset.id);
            sum -= house.fundings(client.id).filter(|paid| settles(paid.instrument)).map(|paid| paid.amount.0).sum::<i128>();
        }
        assert_eq!(sum, 0, "{} {}", house.name(), asset.symbol);
    }
    for listing in house.listings().iter().filter(|listing| listing.category == Category::Linear) {
        let lots = |account| house.position(account, listing.id(), Leg::Net).lots;
        let held: i64 = house.clients().iter().map(|client| lots(client.derivatives)).sum();
        assert_eq!(held + house.outsiders_lots(listing.id()), 0, "{}", listing.symbol());
    }
    assert_eq!(house.fault(), None);
}

#[test]
fn money_is_conserved_and_spot_never_goes_below_nothing() {
    for seed in 1..4 {
        let (mut world, mut chance) = (World::new(seed), Chance::new(seed, 77));
        // Up to a funding and beyond it.
        world.now = Timestamp(START.0);
        let mut trades = 0;
        for _ in 0..1_500 {
            let to = world.now.plus(Nanos(chance.below(60_000_000)));
            world.advance(to);
            let venue = chance.below(2) as usize;
            act(&mut world.houses[venue], to, &mut chance);
            trades += world.news(venue).iter().filter(|news| matches!(news, News::Fill { .. })).count();
        }
        assert!(trades > 200, "clients traded {trades} times");
        for (venue, house) in Venue::ALL.into_iter().zip(&world.houses) {
            assert_conserved(venue, house);
        }
    }
}

/// Funding changes hands at its hour, and liquidations close what has no margin left, without a unit lost.
#[test]
fn money_is_conserved_through_funding_and_liquidation() {
    let mut world = World::new(5);
    let house = &mut world.houses[0];
    let listing = house.find_listing(Category::Linear, "SOLUSDT").unwrap().clone();
    let client = house.clients()[0].clone();
    house.set_leverage(client.derivatives, listing.id(), 100).unwrap();
    let usdt = house.asset("USDT").unwrap();
    // Nearly all of it leaves, so that a position of a few thousand dollars is on the edge.
    let amount = house.amount("999890").unwrap();
    house.transfer(START, client.id, Wallet::Derivatives, usdt, amount).unwrap();
    let buy = PlaceOrder {
        client: client.id,
        instrument: listing.id(),
        client_order_id: "",
        side: Side::Buy,
        kind: OrderKind::Market,
        time_in_force: TimeInForce::ImmediateOrCancel,
        size: Size::Lots(listing.qty("60").unwrap()),
        exposure: Exposure::Any,
        self_trade: None,
        remark: 0,
    };
    house.place(START, &buy).unwrap();
    assert_eq!(house.positions(client.derivatives).len(), 1);
    // The next funding is at the next multiple of eight hours; the market is let alone until just before it.
    for _ in 0..600 {
        let to = world.now.plus(Nanos::from_secs(1));
        world.advance(to);
    }
    assert_conserved(Venue::Binance, &world.houses[0]);
    let house = &world.houses[0];
    let closed = house.fills(client.id).any(|fill| fill.cause == tradewind_emulator::house::FillCause::Liquidation);
    assert!(closed || !house.positions(client.derivatives).is_empty());
}

type Book = BTreeMap<(Side, Price), Qty>;

fn snapshot(house: &House, instrument: InstrumentId) -> (u64, Book) {
    let depth = house.depth(instrument, usize::MAX);
    let bids = depth.bids.iter().map(|level| ((Side::Buy, level.price), level.qty));
    (depth.update, bids.chain(depth.asks.iter().map(|level| ((Side::Sell, level.price), level.qty))).collect())
}

#[test]
fn depth_news_on_a_snapshot_is_the_book_and_no_book_is_ever_crossed() {
    let (mut world, mut chance) = (World::new(9), Chance::new(9, 78));
    for venue in 0..2 {
        world.news(venue);
    }
    let ids: Vec<InstrumentId> = world.houses[0].listings().iter().map(|listing| listing.id()).collect();
    let mut books: Vec<Vec<(u64, Book)>> = world.houses.iter().map(|house| ids.iter().map(|id| snapshot(house, *id)).collect()).collect();
    let (mut changes_seen, mut tops_seen) = (0, 0);
    for _ in 0..400 {
        let to = world.now.plus(Nanos(chance.below(50_000_000)));
        world.advance(to);
        for (venue, books) in books.iter_mut().enumerate() {
            act(&mut world.houses[venue], to, &mut chance);
            for news in world.news(venue) {
                match news {
                    News::Depth { instrument, first, last, previous, changes, .. } => {
                        let (update, book) = &mut books[instrument.index()];
                        assert_eq!((previous, first), (*update, *update + 1));
                        assert_eq!(last - previous, changes.len() as u64);
                        *update = last;
                        changes_seen += changes.len();
                        for change in changes {
                            match change.qty {
                                Qty::ZERO => _ = book.remove(&(change.side, change.price)),
                                qty => _ = book.insert((change.side, change.price), qty),
                            }
                        }
                    }
                    News::Top { bid: Some(bid), ask: Some(ask), .. } => {
                        assert!(bid.price < ask.price);
                        tops_seen += 1;
                    }
                    _ => {}
                }
            }
            for id in &ids {
                assert_eq!(snapshot(&world.houses[venue], *id), books[id.index()], "{venue} {id}");
            }
        }
    }
    assert!(changes_seen > 5_000 && tops_seen > 500, "{changes_seen} changes, {tops_seen} tops");
}

fn state(world: &World) -> String {
    let mut text = String::new();
    for house in &world.houses {
        for listing in house.listings() {
            text += &format!("{:?}", house.depth(listing.id(), usize::MAX));
            let last = house.tape(listing.id()).and_then(|tape| tape.trades().last().copied());
            text += &format!("{last:?}");
        }
        for client in house.clients() {
            text += &format!("{:?}{:?}", house.balances(client.spot), house.positions(client.derivatives));
        }
    }
    text
}

#[test]
fn one_seed_gives_one_market_however_the_clock_is_moved() {
    let run = |seed: u64, pieces: i64| {
        let mut world = World::new(seed);
        for piece in 1..=pieces {
            world.advance(START.plus(Nanos(20_000_000_000 / pieces * piece)));
        }
        state(&world)
    };
    let whole = run(3, 1);
    assert!(whole == run(3, 1) && whole == run(3, 400), "two runs of one seed differ");
    assert!(whole != run(4, 1), "two seeds give one market");
}

#[test]
fn a_price_that_one_venue_has_first_is_arbitraged_away() {
    let mut world = World::new(11);
    let id = world.houses[0].find_listing(Category::Spot, "BTCUSDT").unwrap().id();
    let (mut apart, mut longest, mut since) = (0, 0, None);
    for _ in 0..6_000 {
        let to = world.now.plus(Nanos::from_millis(50));
        world.advance(to);
        let top = |house: &House| house.top(id);
        let ((Some(bid_a), Some(ask_a)), (Some(bid_b), Some(ask_b))) = (top(&world.houses[0]), top(&world.houses[1])) else { continue };
        // Ticks are 0.01 at one venue and 0.1 at the other.
        let is_apart = bid_a.price.0 > ask_b.price.0 * 10 || bid_b.price.0 * 10 > ask_a.price.0;
        match (is_apart, since) {
            (true, None) => (apart, since) = (apart + 1, Some(to)),
            (false, Some(from)) => (longest, since) = (longest.max(to.since(from).0), None),
            _ => {}
        }
    }
    assert!(apart > 5, "prices were apart {apart} times");
    assert!(since.is_none() || world.now.since(since.unwrap()).0 < 5_000_000_000);
    assert!(longest < 5_000_000_000, "prices stayed apart for {longest} ns");
    assert!(world.agents.arbitrages() > 5, "{} arbitrages", world.agents.arbitrages());
    let _: Amount = world.houses[0].outsiders_cash(world.houses[0].asset("BTC").unwrap());
}

#[test]
fn a_book_that_was_emptied_fills_again() {
    let mut world = World::new(13);
    let listing = world.houses[0].find_listing(Category::Spot, "DOGEUSDT").unwrap().clone();
    let order = PlaceOrder {
        client: ClientId(0),
        instrument: listing.id(),
        client_order_id: "",
        side: Side::Sell,
        kind: OrderKind::Market,
        time_in_force: TimeInForce::ImmediateOrCancel,
        size: Size::Lots(listing.qty("1000000").unwrap()),
        exposure: Exposure::Any,
        self_trade: None,
        remark: 0,
    };
    for _ in 0..3 {
        world.houses[0].place(START, &order).ok();
    }
    let before = world.houses[0].depth(listing.id(), 1_000).bids.len();
    world.advance(START.plus(Nanos::from_secs(2)));
    let after = world.houses[0].depth(listing.id(), 1_000).bids.len();
    assert!(before < 60 && after > before && after > 30, "{before} levels, then {after}");
}
