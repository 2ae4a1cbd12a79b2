//! Delta debugging: of the events of a storm that breaks a law, those without which it would not.

use crate::storm::node::Breach;
use crate::storm::play::Weathered;
use crate::storm::scenario::{Event, Scenario};
use std::path::Path;

/// Runs that a search may take.
const PATIENCE: usize = 4_000;

/// A scenario that still breaks the law that the whole one breaks, and from which no event can be taken.
pub fn shrunk(scenario: &Scenario, breach: &Breach, folder: &Path) -> Scenario {
    let mut runs = 0;
    let mut still_breaks = |events: &[Event], limits: &[tradewind_types::LimitSettings]| {
        runs += 1;
        let trial = Scenario { events: events.to_vec(), limits: limits.to_vec(), ..scenario.clone() };
        runs <= PATIENCE
            && matches!(crate::storm::weather(&trial, folder), Weathered::Broken { breach: found, .. } if found.law == breach.law)
    };
    let mut events = scenario.events.clone();
    let mut limits = scenario.limits.clone();
    loop {
        let before = events.len() + limits.len();
        events = thinned(events, |rest| still_breaks(rest, &limits));
        limits = thinned(limits, |rest| still_breaks(&events, rest));
        for at in 0..events.len() {
            let mut calm = events.clone();
            calm[at].wait_ns = 0;
            if events[at].wait_ns != 0 && still_breaks(&calm, &limits) {
                events = calm;
            }
        }
        if events.len() + limits.len() == before {
            return Scenario { events, limits, ..scenario.clone() };
        }
    }
}

/// Takes out chunks, from halves down to single ones, as long as the rest still `breaks`.
fn thinned<T: Clone>(mut all: Vec<T>, mut breaks: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut chunk = all.len().div_ceil(2);
    while chunk > 0 {
        let mut from = 0;
        while from < all.len() {
            let mut rest = all.clone();
            rest.drain(from..(from + chunk).min(all.len()));
            if breaks(&rest) {
                all = rest;
            } else {
                from += chunk;
            }
        }
        chunk /= 2;
    }
    all
}

#[test]
fn what_matters_remains() {
    let breaks = |rest: &[u32]| rest.contains(&17) && rest.contains(&63);
    assert_eq!(thinned((0..100).collect(), breaks), [17, 63]);
    assert_eq!(thinned(vec![1, 2, 3], |_| true), [] as [u32; 0]);
}
