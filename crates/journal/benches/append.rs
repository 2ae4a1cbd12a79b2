//! Nanoseconds per journaled record: `cargo bench -p tradewind-journal`.
//!
//! The work is a market maker's: an order sent, then its fill, a commit every 64 KiB. Best of many short rounds, since
//! whatever disturbs a round only makes it slower. The level is named with each figure.

use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;
use tradewind_journal::{CommitLevel, ContentHash, Journal, JournalError, RunFacts, Segment, Sink, Writer, verify};
use tradewind_types::{
    AccountId, Amount, AssetId, Author, BookId, Exposure, FeeCharge, Fill, InstrumentId, Liquidity, OrderId, OrderKind, OrderTerms,
    Outcome, Price, Qty, Settlement, Side, TimeInForce, Timestamp, TradeId,
};

const ROUNDS: usize = 200;
const PAIRS: u64 = 5_000;

fn facts() -> RunFacts {
    let segments = vec![Segment { id: 0, name: "bench".into(), content: ContentHash([7; 32]) }];
    RunFacts { code_version: "bench".into(), node: 1, epoch: 1, created: Timestamp(0), segments, setup: String::new() }
}

fn sent(counter: u64) -> Outcome {
    let terms = OrderTerms {
        instrument: InstrumentId(3),
        account: AccountId(1),
        book: BookId(2),
        side: Side::Buy,
        kind: OrderKind::Limit { price: Price(6_512_340) },
        time_in_force: TimeInForce::PostOnly,
        qty: Qty(1_500),
        exposure: Exposure::Any,
    };
    let order = OrderId { node: 1, epoch: 7, counter };
    Outcome::OrderSent {
        order,
        author: Author::Strategy(BookId(2)),
        terms,
        reserved: Amount(97_700_000_000),
        at: Timestamp(1_722_470_400_000_000_000),
    }
}

fn filled(counter: u64) -> Outcome {
    let fill = Fill {
        order: OrderId { node: 1, epoch: 7, counter },
        trade: TradeId(4_021_337_000 + u128::from(counter)),
        price: Price(6_512_340),
        qty: Qty(1_500),
        liquidity: Liquidity::Maker,
        fee: FeeCharge { asset: AssetId(1), amount: Amount(19_537_020) },
        stated_cash: None,
        ts_venue: Timestamp(1_722_470_400_001_000_000),
    };
    let settlement = Settlement { base: Amount(150_000_000), cash: Amount(-97_685_100_000), rounding: Amount(0) };
    Outcome::Filled { fill, settlement, at: Timestamp(1_722_470_400_002_000_000) }
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}

/// Best ns per item over the rounds, each with a writer of its own.
fn best<S: Sink>(
    items: u64,
    mut writer: impl FnMut() -> Result<Writer<S>, JournalError>,
    mut work: impl FnMut(&mut Writer<S>) -> Result<(), JournalError>,
) -> Result<u64, JournalError> {
    let mut best_ns = u64::MAX;
    for _ in 0..ROUNDS {
        let mut writer = writer()?;
        let start = now();
        work(&mut writer)?;
        let elapsed = start.elapsed().as_nanos() as u64;
        black_box(writer.head());
        best_ns = best_ns.min(elapsed * 10 / items);
    }
    Ok(best_ns)
}

/// Memory that the system has already handed out, so that the journal is measured and not the system.
fn touched_memory() -> Vec<u8> {
    let mut bytes = vec![1; 1 << 20];
    bytes.clear();
    bytes
}

fn report(what: &str, tenth_ns: u64) {
    println!("{what:<62} {:>9}.{} ns", tenth_ns / 10, tenth_ns % 10);
}

fn create(path: &Path, level: CommitLevel) -> Result<Writer<File>, JournalError> {
    if path.exists() {
        std::fs::remove_file(path).map_err(|source| JournalError::Io { operation: "remove", offset: 0, source })?;
    }
    Journal::create(path, &facts(), level)
}

fn main() -> Result<(), JournalError> {
    let outcomes: Vec<(Outcome, Outcome)> = (0..64).map(|n| (sent(1_000_000 + n), filled(1_000_000 + n))).collect();
    let in_memory = || Writer::new(touched_memory(), &facts(), CommitLevel::Memory);
    let pairs = |writer: &mut Writer<Vec<u8>>| {
        for seq in 0..PAIRS {
            let (sent, filled) = &outcomes[seq as usize % outcomes.len()];
            writer.append_outcome(seq, black_box(sent))?;
            writer.append_outcome(seq, black_box(filled))?;
        }
        writer.commit()
    };
    report("record (order sent, filled), level memory, hash included", best(PAIRS * 2, in_memory, pairs)?);
    let market = |writer: &mut Writer<Vec<u8>>| {
        for seq in 0..PAIRS {
            writer.append_market(black_box(seq), 0, seq)?;
        }
        writer.commit()
    };
    report("market event by reference, level memory", best(PAIRS, in_memory, market)?);

    let path = std::env::temp_dir().join(format!("tradewind-journal-bench-{}", std::process::id()));
    for (level, commits) in [(CommitLevel::Process, 1_000), (CommitLevel::Disk, 5)] {
        let each = |writer: &mut Writer<File>| {
            for seq in 0..commits {
                writer.append_outcome(seq, &outcomes[0].0)?;
                writer.commit()?;
            }
            Ok(())
        };
        report(&format!("commit of one record, level {level}"), best(commits, || create(&path, level), each)?);
    }
    std::fs::remove_file(&path).map_err(|source| JournalError::Io { operation: "remove", offset: 0, source })?;

    let mut writer = in_memory()?;
    pairs(&mut writer)?;
    let bytes = writer.finish()?;
    println!("{:<62} {:>9} bytes", "record, mean", bytes.len() as u64 / (PAIRS * 2));
    let mut best_ns = u64::MAX;
    for _ in 0..ROUNDS {
        let start = now();
        black_box(verify(&bytes[..])?);
        best_ns = best_ns.min(start.elapsed().as_nanos() as u64 * 10 / (PAIRS * 2));
    }
    report("record read and verified", best_ns);
    Ok(())
}
