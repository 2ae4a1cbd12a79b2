//! Questions to a venue over HTTP without a node: what looks at a venue before, beside and after one asks this way.

use crate::clock::Clock;
use crate::transport::{HttpAnswer, HttpClient};
use futures_util::stream::{self, StreamExt};
use tradewind_types::{Nanos, Timestamp};
use tradewind_venues::{Ask, AskFailure, Dialect, HttpRequest, Inbox, Message};

/// Requests to one venue at a time.
const ABREAST: usize = 8;

/// Asks one venue.
pub(crate) struct Asker {
    dialect: Box<dyn Dialect>,
    web: HttpClient,
    clock: Clock,
    /// The venue's clock less ours.
    offset: Nanos,
}

impl Asker {
    pub(crate) fn new(dialect: Box<dyn Dialect>, web: HttpClient, clock: Clock) -> Self {
        Self { dialect, web, clock, offset: Nanos(0) }
    }

    pub(crate) fn dialect(&self) -> &dyn Dialect {
        &*self.dialect
    }

    /// The venue's clock less ours, as last measured.
    pub(crate) const fn offset(&self) -> Nanos {
        self.offset
    }

    /// Measures the offset of the venue's clock; requests are signed by it from then on.
    pub(crate) async fn look_at_the_clock(&mut self) -> Result<(), AskFailure> {
        let sent = self.clock.now();
        for (_, outcome) in self.ask_all(vec![Ask::ServerTime]).await {
            for message in outcome? {
                if let Message::ServerTime(at) = message {
                    self.offset = at.since(Timestamp(sent.0.midpoint(self.clock.now().0)));
                }
            }
        }
        Ok(())
    }

    /// Asks everything, and what the answers ask for in turn. What the venue has no question for is left out.
    pub(crate) async fn ask_all(&self, asks: Vec<Ask>) -> Vec<(Ask, Result<Vec<Message>, AskFailure>)> {
        let (mut waiting, mut outcomes) = (asks, Vec::new());
        while !waiting.is_empty() {
            let now = self.clock.now().plus(self.offset);
            let requests = waiting.drain(..).filter_map(|ask| self.dialect.ask(&ask, now).map(|request| (ask, request)));
            let requests: Vec<(Ask, HttpRequest)> = requests.collect();
            let web = &self.web;
            let calls = requests.into_iter().map(|(ask, request)| async move { (ask, web.make(request).await) });
            let answers: Vec<(Ask, Result<HttpAnswer, String>)> = stream::iter(calls).buffered(ABREAST).collect().await;
            for (ask, answer) in answers {
                let outcome = answer.map_err(AskFailure::NoAnswer).and_then(|answer| self.read(&ask, &answer));
                let more = outcome.iter().flatten().filter_map(|m| if let Message::More(ask) = m { Some(ask.clone()) } else { None });
                waiting.extend(more);
                outcomes.push((ask, outcome));
            }
        }
        outcomes
    }

    fn read(&self, ask: &Ask, answer: &HttpAnswer) -> Result<Vec<Message>, AskFailure> {
        let mut inbox = Inbox::default();
        match self.dialect.answer(ask, answer.status, &answer.headers, &answer.body, &mut inbox) {
            Ok(Ok(())) => Ok(inbox.messages),
            Ok(Err(error)) => Err(AskFailure::Refused(error)),
            Err(error) => Err(AskFailure::Unread(error)),
        }
    }
}
