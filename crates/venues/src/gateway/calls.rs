//! Commands and questions: when they leave, and what their answers, or the want of one, mean.

use super::{Action, AskFailure, Call, Gateway, Notice};
use crate::ask::Ask;
use crate::dialect::{CallId, LinkId, Outgoing, Refresh, Submission};
use crate::error::{VenueError, VenueErrorKind};
use crate::message::Message;
use crate::rate_limit::Urgency;
use crate::session::{LinkState, Session};
use std::collections::VecDeque;
use tradewind_types::{InstrumentId, Nanos, OrderId, OrderRequest, RejectReason, Timestamp, VenueOrderId, VenueReply};

impl Gateway {
    /// Sends commands in their order, as many in one request as the venue takes together, or says of each why not.
    pub fn submit(&mut self, now: Timestamp, commands: &mut Vec<Submission>) {
        while let Some(first) = commands.first() {
            let urgency = urgency(first.request());
            if urgency == Urgency::Cancel && !self.cancels.is_empty() {
                self.cancels.push_back(commands.remove(0));
            } else {
                self.send_first(now, commands, urgency);
            }
        }
    }

    /// Takes at least one command off the front.
    fn send_first(&mut self, now: Timestamp, commands: &mut Vec<Submission>, urgency: Urgency) {
        let (call, at) = (CallId(self.next_call), self.venue_now(now));
        let (mut together, mut outgoing) = self.dialect.command(commands, call, at);
        if outgoing == Outgoing::NotOffered {
            self.refuse(commands.remove(0).request(), RejectReason::NotOffered);
            return;
        }
        if let Outgoing::Frame(link, _) = &outgoing
            && !self.session(*link).is_some_and(Session::is_up)
        {
            self.put_off(now, commands.remove(0), now.plus(Nanos::from_millis(100)), RejectReason::NoMarket);
            return;
        }
        let mut room = self.limit.take(now, self.dialect.command_cost(&commands[..together]), urgency);
        if room.is_err() && together > 1 {
            // What does not fit together may fit, at least in part, one by one.
            (together, outgoing) = self.dialect.command(&commands[..1], call, at);
            room = self.limit.take(now, self.dialect.command_cost(&commands[..1]), urgency);
        }
        if let Err(ready) = room {
            self.put_off(now, commands.remove(0), ready, RejectReason::RateLimited);
            return;
        }
        let on = match outgoing {
            Outgoing::Frame(link, frame) => {
                let attempt = self.session(link).map_or(0, Session::attempt);
                self.actions.push(Action::Send { link, attempt, frame });
                Some(link)
            }
            Outgoing::Http(request) => {
                self.actions.push(Action::Request { call, request });
                None
            }
            Outgoing::NotOffered => None,
        };
        let mut left = together as u64;
        for submission in commands.drain(..together) {
            self.calls.insert(CallId(self.next_call), Call::Order { submission, sent: now, on, together: std::mem::take(&mut left) });
            self.next_call += 1;
        }
    }

    /// A command that cannot leave now: a cancel waits, anything else is refused.
    fn put_off(&mut self, now: Timestamp, submission: Submission, ready: Timestamp, reason: RejectReason) {
        if urgency(submission.request()) == Urgency::Cancel {
            self.cancels.push_front(submission);
            self.retry(ready.max(now.plus(Nanos(1))));
        } else {
            self.refuse(submission.request(), reason);
        }
    }

    /// The calls that left in one request with this one, which is its first.
    pub(super) fn calls_with(&self, first: CallId) -> impl Iterator<Item = CallId> + use<> {
        let together = match self.calls.get(&first) {
            Some(Call::Order { together, .. }) => *together,
            Some(Call::Question { .. }) | None => 1,
        };
        (first.0..first.0 + together).map(CallId)
    }

    pub(super) fn refuse(&mut self, request: &OrderRequest, reason: RejectReason) {
        self.notices.push(Notice::Reply(refusal(request, reason)));
    }

    /// Asks something. Its answer is a [`Notice::Answered`] behind the messages it gave.
    pub fn question(&mut self, now: Timestamp, ask: Ask) {
        self.questions.push_back(ask);
        self.send_questions(now);
    }

    /// Sends what there is room for, each urgency in its own order: one that waits holds up its like and nothing else.
    pub(super) fn send_questions(&mut self, now: Timestamp) {
        let (mut held_up, mut left) = (Vec::new(), VecDeque::new());
        for ask in std::mem::take(&mut self.questions) {
            let urgency = urgency_of(&ask);
            if held_up.contains(&urgency) {
                left.push_back(ask);
                continue;
            }
            let Some(request) = self.dialect.ask(&ask, self.venue_now(now)) else {
                self.notices.push(Notice::Answered { ask, sent: now, outcome: Err(AskFailure::NotOffered) });
                continue;
            };
            if let Err(ready) = self.limit.take(now, self.dialect.cost(&ask), urgency) {
                held_up.push(urgency);
                left.push_back(ask);
                self.retry(ready);
                continue;
            }
            let call = CallId(self.next_call);
            self.next_call += 1;
            self.actions.push(Action::Request { call, request });
            self.calls.insert(call, Call::Question { ask, sent: now });
        }
        self.questions = left;
    }

    /// Makes a book good again.
    pub fn refresh_book(&mut self, now: Timestamp, instrument: InstrumentId) {
        match self.dialect.refresh(instrument) {
            Refresh::Ask(ask) => {
                let is_asked = |call: &Call| matches!(call, Call::Question { ask: asked, .. } if *asked == ask);
                if !self.calls.values().any(is_asked) && !self.questions.contains(&ask) {
                    self.question(now, ask);
                }
            }
            Refresh::Frames(link, frames) => {
                let Some(session) = self.session(link).filter(|s| s.is_connected()) else { return };
                let attempt = session.attempt();
                self.actions.extend(frames.into_iter().map(|frame| Action::Send { link, attempt, frame }));
            }
        }
    }

    pub(super) fn on_response(&mut self, now: Timestamp, id: CallId, status: u16, headers: &[(String, String)], body: &[u8]) {
        let before = self.inbox.messages.len();
        match self.calls.get(&id) {
            None => {}
            Some(Call::Question { ask, sent }) => {
                let (ask, sent) = (ask.clone(), *sent);
                self.calls.remove(&id);
                let read = self.dialect.answer(&ask, status, headers, body, &mut self.inbox);
                if ask == Ask::ServerTime {
                    self.set_clock(now, sent, before);
                }
                let goes_on = self.inbox.messages[before..].iter().any(|m| matches!(m, Message::More(_)));
                self.digest(now, before, None);
                let outcome = match read {
                    Ok(Ok(())) if goes_on => return,
                    Ok(Ok(())) => {
                        self.limit.on_success();
                        Ok(())
                    }
                    Ok(Err(error)) => {
                        self.on_refusal(now, &error);
                        Err(AskFailure::Refused(error))
                    }
                    Err(error) => Err(AskFailure::Unread(error)),
                };
                self.answered(now, ask, sent, outcome);
            }
            Some(Call::Order { .. }) => {
                let calls = self.calls_with(id);
                let requests: Vec<OrderRequest> = self.calls_with(id).filter_map(|call| self.request_of(call)).collect();
                let read = self.dialect.answer_commands(id, &requests, status, headers, body, &mut self.inbox);
                match read {
                    Ok(()) => {
                        self.digest(now, before, None);
                        // An answer that names no outcome leaves nothing to wait for.
                        calls.for_each(|call| self.give_up(now, call, "the answer says nothing of the command"));
                    }
                    Err(error) => calls.for_each(|call| self.give_up(now, call, &error.to_string())),
                }
            }
        }
    }

    /// An answer that a link was waiting for lets it go on or sends it back.
    pub(super) fn answered(&mut self, now: Timestamp, ask: Ask, sent: Timestamp, outcome: Result<(), AskFailure>) {
        if let Ask::StreamKey { .. } = ask {
            let waiting: Vec<LinkId> = self.links().filter(|l| self.session(*l).is_some_and(|s| s.state() == LinkState::Naming)).collect();
            for link in waiting {
                match &outcome {
                    Ok(()) => self.connect(now, link),
                    Err(failure) => self.lose_link(now, link, &failure.to_string()),
                }
            }
        }
        self.notices.push(Notice::Answered { ask: ask.whole(), sent, outcome });
    }

    pub(super) fn set_clock(&mut self, now: Timestamp, sent: Timestamp, before: usize) {
        let said = self.inbox.messages[before..].iter().find_map(|m| if let Message::ServerTime(at) = m { Some(*at) } else { None });
        let round_trip = now.since(sent);
        // A sample over a shorter way is better; an old one is worth less than any new one that is not far worse.
        if let Some(at) = said.filter(|_| round_trip.0 <= self.offset.1.0.saturating_mul(2)) {
            let middle = Timestamp(sent.0.midpoint(now.0));
            self.offset = (at.since(middle), round_trip);
        }
        self.inbox.messages.retain(|m| !matches!(m, Message::ServerTime(_)));
    }

    pub(super) fn on_refusal(&mut self, now: Timestamp, error: &VenueError) {
        match error.kind {
            VenueErrorKind::Rate { retry_after } => self.limit.on_refusal(now, retry_after),
            VenueErrorKind::Clock => self.clock_due = Some(now),
            _ => {}
        }
    }

    /// An order command has its answer.
    pub(super) fn on_answer(&mut self, now: Timestamp, id: CallId, outcome: Result<Option<VenueOrderId>, VenueError>) {
        if !matches!(self.calls.get(&id), Some(Call::Order { .. })) {
            return;
        }
        let Some(Call::Order { submission, sent, .. }) = self.calls.remove(&id) else { return };
        self.notices.push(Notice::Answer(now.since(sent)));
        let Err(error) = outcome else {
            self.limit.on_success();
            return;
        };
        self.on_refusal(now, &error);
        let request = *submission.request();
        let order = order_of(&request);
        let is_rate = matches!(error.kind, VenueErrorKind::Rate { .. });
        match (error.kind.reject_reason(), &request) {
            (Some(_), OrderRequest::Cancel { .. }) if is_rate => {
                let pause = now.plus(Nanos::from_millis(100));
                self.put_off(now, submission, pause, RejectReason::RateLimited);
            }
            (None, _) => self.lose(order, sent),
            (Some(RejectReason::DuplicateId), OrderRequest::Place { .. }) => self.lose(order, sent),
            (Some(RejectReason::UnknownOrder), OrderRequest::Cancel { .. } | OrderRequest::Amend { .. }) => {
                // It was not there when this was sent; whether it may still arrive depends on when it was placed, not on this.
                self.notices.push(Notice::Reply(VenueReply::Lost { order, until: sent }));
            }
            (Some(reason), request) => self.refuse(request, reason),
        }
    }

    /// Nobody knows what became of it.
    pub(super) fn lose(&mut self, order: OrderId, sent: Timestamp) {
        let until = sent.plus(self.dialect.lost_after());
        self.notices.push(Notice::Reply(VenueReply::Lost { order, until }));
    }

    /// A call that will not be answered any more.
    pub(super) fn give_up(&mut self, now: Timestamp, id: CallId, why: &str) {
        match self.calls.remove(&id) {
            None => {}
            Some(Call::Question { ask, sent }) => self.answered(now, ask, sent, Err(AskFailure::NoAnswer(why.to_owned()))),
            Some(Call::Order { submission, sent, .. }) => self.lose(order_of(submission.request()), sent),
        }
    }

    pub(super) fn flush_cancels(&mut self, now: Timestamp) {
        let mut waiting = Vec::from(std::mem::take(&mut self.cancels));
        self.submit(now, &mut waiting);
    }

    fn request_of(&self, call: CallId) -> Option<OrderRequest> {
        match self.calls.get(&call)? {
            Call::Order { submission, .. } => Some(*submission.request()),
            Call::Question { .. } => None,
        }
    }

    pub(super) fn retry(&mut self, at: Timestamp) {
        self.retry_at = Some(self.retry_at.map_or(at, |known| known.min(at)));
    }
}

const fn order_of(request: &OrderRequest) -> OrderId {
    match request {
        OrderRequest::Place { order, .. } | OrderRequest::Cancel { order, .. } | OrderRequest::Amend { order, .. } => *order,
    }
}

const fn urgency(request: &OrderRequest) -> Urgency {
    match request {
        OrderRequest::Cancel { .. } => Urgency::Cancel,
        OrderRequest::Place { .. } | OrderRequest::Amend { .. } => Urgency::Order,
    }
}

const fn urgency_of(ask: &Ask) -> Urgency {
    match ask {
        Ask::CancelAll { .. } | Ask::DeadMan { .. } => Urgency::Cancel,
        Ask::Depth { .. } => Urgency::Book,
        _ => Urgency::Question,
    }
}

const fn refusal(request: &OrderRequest, reason: RejectReason) -> VenueReply {
    match request {
        OrderRequest::Place { order, .. } => VenueReply::Rejected { order: *order, reason },
        OrderRequest::Cancel { order, .. } => VenueReply::CancelRejected { order: *order, reason },
        OrderRequest::Amend { order, .. } => VenueReply::AmendRejected { order: *order, reason },
    }
}
