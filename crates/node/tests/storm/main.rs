//! Storms of the whole node: sessions, limits, reconciliation, restarts, lost answers, over the venues' own bytes.
//!
//! A strategy trades emulated venues through a network that loses and cuts, in a process that is killed at any moment and starts
//! again from what it wrote. At every instant each order of ours that lives at a venue is one that the node counts as able to fill
//! at least as much (nothing is unreserved), and at the end orders, fills, balances and positions are the venues' own.
//!
//! `STORM_SEEDS=1000 STORM_KILLS=10` for a long run; a failure names its seed: `STORM_SEED=7`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by panicking")]

mod trader;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use tradewind_emulator::house::{Category, ClientId, House, OrderStatus, PlaceOrder, Size};
use tradewind_emulator::venues::Venue;
use tradewind_engine::Engine;
use tradewind_journal::{Chain, Entries, Entry};
use tradewind_node::{Config, journal_folder, recovered, replay_node};
use tradewind_types::{
    AccountId, AssetId, Control, Definition, Exposure, Fill, Instrument, Nanos, OrderId, OrderKind, Outcome, Side, TimeInForce, Timestamp,
    VenueId,
};
use tradewind_venues::{client_id, order_id};
use world::{Faults, World, venue_id};

fn config(folder: &std::path::Path) -> Config {
    let text = format!(
        r#"
        [node]
        id = 7
        folder = "{}"
        orders_minutes = 5
        [[venue]]
        name = "binance"
        instruments = {{ spot = ["BTCUSDT", "ETHUSDT"], linear = ["BTCUSDT"] }}
        endpoints = {{ http = "http://binance.test", ws = "ws://binance.test" }}
        dead_man_s = 60
        [[venue]]
        name = "bybit"
        instruments = {{ spot = ["BTCUSDT"], linear = ["ETHUSDT"] }}
        endpoints = {{ http = "http://bybit.test", ws = "ws://bybit.test" }}
        [[limit]]
        scope = "firm"
        max_orders_per_s = 50
        [[book]]
        name = "trader"
        "#,
        folder.display()
    );
    Config::read(&text).unwrap()
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// Every order of ours that is open at a venue, with what of it may still fill.
fn open_at_venues(world: &World) -> Vec<(OrderId, i64)> {
    let mut open = Vec::new();
    for (_, house) in world.emulator.venues() {
        for order in house.open_orders(house.clients()[0].id) {
            let id = order_id(&order.client_order_id).expect("every order there is ours");
            open.push((id, order.left().0));
        }
    }
    open
}

/// Nothing that can fill at a venue is unknown here, or counted as less.
fn assert_reserved(world: &World, engine: &Engine, seed: u64) {
    for (id, left) in open_at_venues(world) {
        let order = engine.state().order(id).unwrap_or_else(|| panic!("seed {seed}: {id} is open at the venue and unknown here"));
        assert!(order.is_live(), "seed {seed}: {id} is open at the venue and over here: {order:?}");
        let ceiling = order.ceiling.qty().0 - order.filled.0;
        assert!(ceiling >= left, "seed {seed}: {id} may fill {left} at the venue, {ceiling} is counted here");
    }
}

/// Orders, fills, balances and positions are the venues' own.
fn assert_agrees(world: &World, seed: u64) {
    let engine = world.node.as_ref().unwrap().engine();
    let state = engine.state();
    let booked = booked_fills(world);
    for (venue, house) in world.emulator.venues() {
        let client = &house.clients()[0];
        assert_order(world, house, client.id, seed);
        let mut fills: BTreeMap<OrderId, i64> = BTreeMap::new();
        for fill in house.fills(client.id) {
            let order = order_id(&fill.client_order_id).unwrap();
            *fills.entry(order).or_default() += fill.qty.0;
            let same = booked.get(&order).into_iter().flatten().filter(|f| f.qty == fill.qty && f.price == fill.price);
            assert!(same.count() > 0, "seed {seed}: {order} filled {fill:?}, booked {:?}", booked.get(&order));
        }
        for order in house.orders(client.id) {
            let id = order_id(&order.client_order_id).unwrap();
            // An order that was over for long enough is forgotten: the journal alone has it.
            let ours = state.order(id);
            let filled: i64 = booked.get(&id).into_iter().flatten().map(|fill| fill.qty.0).sum();
            let theirs = fills.get(&id).copied().unwrap_or_default();
            assert_eq!((filled, ours.map_or(filled, |o| o.filled.0)), (theirs, theirs), "seed {seed}: fills of {id}, {ours:?}");
            assert!(ours.is_none_or(|o| !o.is_live()) && order.status != OrderStatus::Open, "seed {seed}: {id}: {ours:?}, {order:?}");
        }
        for (account, instrument) in accounts_of(engine, venue) {
            let symbol = &instrument.terms().symbol;
            if instrument.terms().kind.is_spot() {
                continue;
            }
            let ours = state.position(account, instrument.id()).lots;
            let listed = house.listings().iter().find(|l| l.symbol() == symbol && l.category == Category::Linear).unwrap();
            let positions = house.positions(client.derivatives);
            let theirs: i64 = positions.iter().filter(|p| p.instrument == listed.id()).map(|p| p.lots).sum();
            assert_eq!(ours, theirs, "seed {seed}: position in {symbol} at {venue:?}");
        }
        for account in state.registry().accounts().filter(|a| a.venue == venue_id(venue)) {
            let theirs = if account.name.ends_with("derivatives") { client.derivatives } else { client.spot };
            for symbol in ["USDT", "BTC", "ETH"] {
                let Some(asset) = (0..).map_while(|id| state.registry().asset(AssetId(id))).find(|a| a.symbol == symbol) else {
                    continue;
                };
                let stated = house.balance(theirs, house.asset(symbol).unwrap());
                let stated_text = house.amount_text(stated.wallet, 12);
                let ours = state.balance(account.id, asset.id);
                let expected = tradewind_node::amount_text(ours, asset.scale);
                assert_eq!(expected, stated_text.trim_end_matches('0').trim_end_matches('.'), "seed {seed}: {symbol} in {}", account.name);
            }
        }
    }
    assert!(state.books_match_accounts(), "seed {seed}: books and accounts differ");
}

/// Fills of a derivative are booked in the order in which they happened: what they realise depends on it.
fn assert_order(world: &World, house: &House, client: ClientId, seed: u64) {
    for listing in house.listings().iter().filter(|l| l.category == Category::Linear) {
        let theirs: Vec<_> =
            house.fills(client).filter(|f| f.instrument == listing.id()).map(|f| (f.client_order_id.to_string(), f.price, f.qty)).collect();
        let mut ours = Vec::new();
        let mut chain = Chain::open(&journal_folder(world.folder())).unwrap();
        while let Some(entry) = chain.next_entry().unwrap() {
            if let Entry::Outcome { outcome: Outcome::Filled { fill, .. }, .. } = entry {
                let named = (client_id(fill.order), fill.price, fill.qty);
                if theirs.contains(&named) {
                    ours.push(named);
                }
            }
        }
        let differs = ours.iter().zip(&theirs).position(|(o, t)| o != t);
        assert_eq!(
            differs,
            None,
            "seed {seed}: {} ours {:?} theirs {:?}",
            listing.symbol(),
            &ours[differs.unwrap_or(0)..],
            &theirs[differs.unwrap_or(0)..]
        );
    }
}

/// Every balance that the journal took over from a venue.
fn adopted(world: &World) -> Vec<(AccountId, AssetId)> {
    let mut adopted = Vec::new();
    let mut chain = Chain::open(&journal_folder(world.folder())).unwrap();
    while let Some(entry) = chain.next_entry().unwrap() {
        if let Entry::Outcome { outcome: Outcome::Defined(Definition::Deposit { account, asset, .. }), .. } = entry {
            adopted.push((account, asset));
        }
    }
    adopted
}

/// Venues of which the journal says how they were.
fn reported(world: &World) -> BTreeSet<VenueId> {
    let mut reported = BTreeSet::new();
    let mut chain = Chain::open(&journal_folder(world.folder())).unwrap();
    while let Some(entry) = chain.next_entry().unwrap() {
        if let Entry::Input { control: Control::VenueReport(report), .. } = entry {
            reported.insert(report.venue);
        }
    }
    reported
}

/// Every fill that the journal holds, by order.
fn booked_fills(world: &World) -> BTreeMap<OrderId, Vec<Fill>> {
    let mut booked: BTreeMap<OrderId, Vec<Fill>> = BTreeMap::new();
    let mut chain = Chain::open(&journal_folder(world.folder())).unwrap();
    while let Some(entry) = chain.next_entry().unwrap() {
        if let Entry::Outcome { outcome: Outcome::Filled { fill, .. }, .. } = entry {
            booked.entry(fill.order).or_default().push(fill);
        }
    }
    booked
}

fn accounts_of(engine: &Engine, venue: Venue) -> Vec<(AccountId, Instrument)> {
    let registry = engine.state().registry();
    let mut found = Vec::new();
    for instrument in registry.instruments().filter(|i| i.terms().venue == venue_id(venue)) {
        for account in registry.accounts().filter(|a| a.venue == venue_id(venue)) {
            let is_its = match (venue, instrument.terms().kind.is_spot()) {
                (Venue::Bybit, _) => true,
                (Venue::Binance, is_spot) => account.name.ends_with("spot") == is_spot,
            };
            if is_its {
                found.push((account.id, instrument.clone()));
            }
        }
    }
    found
}

/// Balances that a client of the venues begins with, of the assets traded here.
const BEGINNINGS: usize = 7;

/// Longer than the configured orders stay in memory.
const LONG_AWAY_MS: u64 = 6 * 60_000;

struct Tally {
    kills: u64,
    orders: usize,
    fills: usize,
    adopted: usize,
    batches: usize,
}

fn storm(seed: u64, kills: u64, venues: &[Venue]) -> Tally {
    let folder = std::env::temp_dir().join(format!("tradewind-node-storm-{}-{seed}", std::process::id()));
    let mut config = config(&folder);
    config.venues.retain(|v| venues.iter().any(|venue| format!("{venue:?}").eq_ignore_ascii_case(&format!("{:?}", v.name))));
    let mut world = World::new(seed, venues, config);
    let mut killed = 0;
    world.faults = Faults::STORMY;
    while killed < kills {
        let trader = trader::Trading { seed: world.chance.next() };
        world.start(Box::new(trader));
        let life = Nanos::from_millis(200 + world.chance.below(20_000).cast_signed());
        let end = world.now.plus(life);
        world.run_until(end, |world| {
            let engine = world.node.as_ref().unwrap().engine();
            assert_reserved(world, engine, seed);
            false
        });
        world.kill();
        killed += 1;
        let back = recovered(&folder).unwrap();
        // What is still on its way to a venue arrives while nobody listens. Seldom nobody does for so long that orders are forgotten.
        let away = if world.chance.below(30) == 0 { LONG_AWAY_MS } else { world.chance.below(3_000) };
        let until = world.now.plus(Nanos::from_millis(away.cast_signed()));
        world.run_until(until, |world| {
            assert_reserved(world, &back, seed);
            false
        });
    }
    world.faults = Faults::NONE;
    let trader = trader::Trading { seed };
    world.start(Box::new(trader));
    settle(&mut world, seed, |world| world.node.as_ref().unwrap().is_trading());
    let now = world.now;
    world.run_until(now.plus(Nanos::from_secs(3)), |_| false);
    let now = world.now;
    world.node.as_mut().unwrap().stop(now);
    settle(&mut world, seed, |world| world.node.as_ref().unwrap().is_stopped());
    assert_agrees(&world, seed);
    assert_eq!(reported(&world), venues.iter().copied().map(venue_id).collect(), "seed {seed}: how venues were is on record");
    let replayed = replay_node(&folder).unwrap();
    let hash = world.node.as_ref().unwrap().engine().state_hash();
    assert_eq!((replayed.differing, replayed.state_hash), (0, hash), "seed {seed}: decided anew: {:?}", replayed.first_difference);
    let orders = world.emulator.venues().map(|(_, house)| house.orders(house.clients()[0].id).count()).sum();
    let fills = world.emulator.venues().map(|(_, house)| house.fills(house.clients()[0].id).count()).sum();
    // What a client begins with comes from outside, once for each account and asset; nothing else does. (An adoption that a kill
    // took from the journal is made again.)
    let adopted = adopted(&world);
    let once: BTreeSet<_> = adopted.iter().collect();
    assert!(once.len() == adopted.len() && adopted.len() <= BEGINNINGS, "seed {seed}: adopted {adopted:?}");
    let adopted = adopted.len();
    Tally { kills: killed, orders, fills, adopted, batches: world.batches }
}

fn settle(world: &mut World, seed: u64, done: impl Fn(&World) -> bool) {
    let until: Timestamp = world.now.plus(Nanos::from_secs(300));
    let mut is_done = false;
    world.run_until(until, |world| {
        is_done = done(world);
        is_done
    });
    let health = world.node.as_ref().unwrap().health();
    if !is_done {
        for order in world.node.as_ref().unwrap().engine().state().live_orders() {
            println!("seed {seed}: lives here: {order:?}");
        }
        println!("seed {seed}: open at the venues: {:?}", open_at_venues(world));
    }
    assert!(
        is_done,
        "seed {seed}: not settled in 300 s: {:?}; live {}",
        health.venues.iter().map(|v| &v.why_not).collect::<Vec<_>>(),
        health.orders_live
    );
}

/// Somebody trades under this node's own number: its account there stops, and what it had there is cancelled.
#[test]
fn an_order_of_ours_that_the_journal_does_not_know_stops_its_account() {
    for venue in [Venue::Binance, Venue::Bybit] {
        let folder = std::env::temp_dir().join(format!("tradewind-node-astray-{}-{venue:?}", std::process::id()));
        let mut config = config(&folder);
        config.venues.retain(|v| v.name.id() == venue_id(venue));
        let mut world = World::new(5, &[venue], config);
        world.start(Box::new(trader::Trading { seed: 5 }));
        settle(&mut world, 5, |world| world.node.as_ref().unwrap().is_trading());
        let now = world.now;
        world.run_until(now.plus(Nanos::from_secs(2)), |_| false);
        let (now, house) = (world.now, world.emulator.house_mut(0).unwrap());
        let (client, listing) = (house.clients()[0].id, house.find_listing(Category::Spot, "BTCUSDT").unwrap());
        let (price, qty) = (listing.price("20000").unwrap(), listing.qty("0.01").unwrap());
        let order = PlaceOrder {
            client,
            instrument: listing.id(),
            client_order_id: "tw7-1-1",
            side: Side::Buy,
            kind: OrderKind::Limit { price },
            time_in_force: TimeInForce::GoodTillCancelled,
            size: Size::Lots(qty),
            exposure: Exposure::Any,
            self_trade: None,
            remark: 0,
        };
        house.place(now, &order).unwrap();
        world.run_until(now.plus(Nanos::from_secs(2)), |_| false);
        let health = world.node.as_ref().unwrap().health();
        let found = &health.venues[0];
        assert_eq!((found.phase, found.why_not.contains("7-1-1")), ("refused", true), "{venue:?}: {}", found.why_not);
        assert_eq!(health.orders_live, 0, "{venue:?}: what lived there is cancelled");
        let sent = health.orders_sent;
        let now = world.now;
        world.run_until(now.plus(Nanos::from_secs(40)), |_| false);
        let health = world.node.as_ref().unwrap().health();
        assert_eq!((health.orders_sent, health.venues[0].phase), (sent, "refused"), "{venue:?}: nothing more is sent");
        assert_eq!(open_at_venues(&world).len(), 1, "{venue:?}: the stray order is left to a person");
    }
}

#[test]
fn a_node_that_is_killed_at_any_moment_loses_nothing() {
    let (seeds, kills) = (number("STORM_SEEDS", 4), number("STORM_KILLS", 5));
    let chosen = std::env::var("STORM_SEED").ok().map(|text| text.parse().unwrap());
    let seeds: Vec<u64> = chosen.map_or_else(|| (1..=seeds).collect(), |seed| vec![seed]);
    let mut sum = Tally { kills: 0, orders: 0, fills: 0, adopted: 0, batches: 0 };
    for seed in seeds {
        let tally = storm(seed, kills, &[Venue::Binance, Venue::Bybit]);
        sum = Tally {
            kills: sum.kills + tally.kills,
            orders: sum.orders + tally.orders,
            fills: sum.fills + tally.fills,
            adopted: sum.adopted + tally.adopted,
            batches: sum.batches + tally.batches,
        };
    }
    println!(
        "{} whole-node kills, {} orders, {} requests with several, {} fills at the venues, {} balances adopted at first starts",
        sum.kills, sum.orders, sum.batches, sum.fills, sum.adopted
    );
    assert!(sum.orders > 0, "the storm traded nothing");
}
