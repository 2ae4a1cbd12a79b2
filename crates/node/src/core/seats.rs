//! Strategies outside the engine: what wakes them, and what becomes of one that fails.

use super::Core;
use crate::health::Level;
use crate::keeping::Keeping;
use tradewind_engine::Engine;
use tradewind_simulator::{Strategist, Wake};
use tradewind_types::{Author, BookId, Control, Fill, Intent, Timestamp};

/// Makes the strategies once it is known what there is to trade.
pub trait Seating {
    /// The strategy of a book, if it has one. The engine knows the book, its instruments and accounts by now.
    ///
    /// # Errors
    /// In the strategy's own words; the node goes on without it.
    fn seat(&mut self, book: BookId, name: &str, engine: &Engine) -> Result<Option<Box<dyn Strategist>>, String>;
}

struct Seat {
    strategist: Box<dyn Strategist>,
    due: Option<Timestamp>,
}

pub(super) struct Seats {
    seating: Box<dyn Seating>,
    taken: Vec<Seat>,
    is_seated: bool,
    intents: Vec<Intent>,
}

impl Seats {
    pub(super) fn new(seating: Box<dyn Seating>) -> Self {
        Self { seating, taken: Vec::new(), is_seated: false, intents: Vec::new() }
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.taken.iter().filter_map(|seat| seat.due).min()
    }

    pub(super) fn clear(&mut self) {
        self.taken.clear();
        self.is_seated = true;
    }
}

impl<K: Keeping> Core<K> {
    /// Lets strategies take their seats, once.
    pub(super) fn seat_strategies(&mut self) {
        if std::mem::replace(&mut self.seats.is_seated, true) {
            return;
        }
        for name in self.config.books.iter().map(|book| book.name.clone()).collect::<Vec<_>>() {
            let Some(book) = self.book_named(&name) else { continue };
            match self.seats.seating.seat(book, &name, &self.engine) {
                Ok(None) => {}
                Ok(Some(strategist)) => {
                    let due = strategist.wakes().timer.map(|every| self.now.plus(every));
                    self.seats.taken.push(Seat { strategist, due });
                }
                Err(why) => self.say(Level::Error, "strategy-not-started", &name, why),
            }
        }
    }

    pub(super) fn wake_by_time(&mut self) {
        for n in 0..self.seats.taken.len() {
            let Some(seat) = self.seats.taken.get_mut(n) else { return };
            if seat.due.is_some_and(|due| due <= self.now) {
                seat.due = seat.strategist.wakes().timer.map(|every| self.now.plus(every));
                self.wake(n, &Wake::Timer);
            }
        }
    }

    pub(super) fn wake_for_fill(&mut self, fill: Fill) {
        let Some(book) = self.engine.state().order(fill.order).map(|o| o.terms.book) else { return };
        for n in 0..self.seats.taken.len() {
            if self.seats.taken.get(n).is_some_and(|seat| seat.strategist.book() == book) {
                self.wake(n, &Wake::Fill(fill));
            }
        }
    }

    #[inline]
    pub(super) fn wake_all(&mut self, wake: &Wake) {
        for n in 0..self.seats.taken.len() {
            self.wake(n, wake);
        }
    }

    fn wake(&mut self, n: usize, wake: &Wake) {
        let Some(seat) = self.seats.taken.get_mut(n).filter(|seat| seat.strategist.wakes().asks_for(wake)) else { return };
        let (book, model) = (seat.strategist.book(), seat.strategist.model());
        let mut intents = std::mem::take(&mut self.seats.intents);
        match seat.strategist.wake(self.now, wake, &self.engine, &mut intents) {
            Ok(()) => {
                let transfers = seat.strategist.transfers();
                for intent in intents.drain(..) {
                    self.decide(Author::Strategy(book), model, intent);
                }
                transfers.into_iter().for_each(|transfer| self.control(Control::Transfer(transfer)));
            }
            Err(fault) => {
                self.seats.taken.remove(n);
                intents.clear();
                self.say(
                    Level::Error,
                    "strategy-fenced",
                    &book.to_string(),
                    format!("{fault}; its orders are cancelled, the node goes on"),
                );
                self.decide(Author::Operator, 0, Intent::CancelAll { book });
            }
        }
        self.seats.intents = intents;
    }
}
