//! The matching book alone under the mix.

use crate::measure::{Evidence, Failure, Scale, row};
use crate::mix::{Mix, Op, generate};
use std::hint::black_box;
use tradewind_exchange::{Execution, MatchingBook};
use tradewind_types::{Side, StateDigest};

const SEED: u64 = 1;

pub(crate) fn rows(scale: &Scale) -> Result<(), Failure> {
    let mix = generate(scale.mix_ops, SEED);
    let mut executions = Vec::new();
    let prepare = || Ok(opened(&mix));
    let work = |mut book: MatchingBook| {
        let (mut rejects, mut fills) = (0, 0);
        for op in &mix.ops {
            executions.clear();
            rejects += u64::from(!apply(&mut book, black_box(op), &mut executions));
            fills += executions.len() as u64;
        }
        Ok((book, rejects, fills))
    };
    let hash = tape_hash(&mix);
    let evidence = |(book, rejects, fills): (MatchingBook, u64, u64)| {
        let mut digest = StateDigest::new();
        digest.bytes(&hash);
        levels(&book, &mut digest);
        Ok(Evidence { ops: vec![("op", mix.ops.len() as u64)], rejects, fills: Some(fills), hash: digest.finish().to_string() })
    };
    row(scale, "matching_mix_1k_live", prepare, work, evidence)
}

/// Whether it was taken.
#[inline]
fn apply(book: &mut MatchingBook, op: &Op, executions: &mut Vec<Execution>) -> bool {
    match op {
        Op::Place { order, .. } => book.place(order, executions).is_ok(),
        Op::Cancel(order) => book.cancel(*order).is_ok(),
    }
}

fn opened(mix: &Mix) -> MatchingBook {
    let (mut book, mut executions) = (MatchingBook::new(), Vec::new());
    for op in &mix.resting {
        apply(&mut book, op, &mut executions);
    }
    book
}

/// Digest of every execution, in order, of a run that is not timed.
fn tape_hash(mix: &Mix) -> [u8; 32] {
    let (mut book, mut executions, mut digest) = (opened(mix), Vec::new(), StateDigest::new());
    for op in &mix.ops {
        executions.clear();
        apply(&mut book, op, &mut executions);
        for e in &executions {
            digest.unsigned(e.maker.counter).unsigned(e.taker.counter).signed(e.price.0).signed(e.qty.0);
        }
    }
    digest.finish().0
}

fn levels(book: &MatchingBook, digest: &mut StateDigest) {
    for side in [Side::Buy, Side::Sell] {
        for level in book.levels(side) {
            digest.signed(level.price.0).signed(level.qty.0);
        }
        digest.unsigned(u64::MAX);
    }
}
