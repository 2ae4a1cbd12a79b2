//! Links: on their way up, on their way down, and what they say of themselves.

use super::{Action, Call, Gateway, Notice};
use crate::dialect::{Address, CallId, LinkId};
use crate::error::VenueErrorKind;
use crate::message::SessionNews;
use crate::session::{LinkState, Login, Session};
use tradewind_types::Timestamp;

impl Gateway {
    pub(super) fn is_current(&self, link: LinkId, attempt: u32) -> bool {
        self.session(link).is_some_and(|s| s.attempt() == attempt && (s.is_connected() || s.state() == LinkState::Connecting))
    }

    pub(super) fn greet(&mut self, now: Timestamp, link: LinkId) {
        let login = self.dialect.login(link, self.venue_now(now));
        if let Some(frame) = login {
            self.send(link, frame);
            self.session_mut(link).into_iter().for_each(|s| s.connected(now, Login::Sent, 0));
        } else {
            self.session_mut(link).into_iter().for_each(|s| s.connected(now, Login::NotNeeded, usize::MAX));
            self.subscribe(now, link);
        }
    }

    pub(super) fn subscribe(&mut self, now: Timestamp, link: LinkId) {
        let frames = self.dialect.subscriptions(link, self.venue_now(now));
        let count = frames.len();
        frames.into_iter().for_each(|frame| self.send(link, frame));
        if let Some(session) = self.session_mut(link) {
            session.subscribing(now, count);
            if session.is_up() {
                self.link_up(now, link);
            }
        }
    }

    pub(super) fn link_up(&mut self, now: Timestamp, link: LinkId) {
        let upkeep = self.dialect.upkeep(link).map(|(every, ask)| (now.plus(every), every, ask));
        if let Some(place) = self.upkeep.get_mut(usize::from(link.0)) {
            *place = upkeep;
        }
        self.notices.push(Notice::Up(link));
        self.flush_cancels(now);
    }

    pub(super) fn send(&mut self, link: LinkId, frame: Vec<u8>) {
        if let Some(attempt) = self.session(link).map(Session::attempt) {
            self.actions.push(Action::Send { link, attempt, frame });
        }
    }

    pub(super) fn on_session(&mut self, now: Timestamp, link: LinkId, news: SessionNews) {
        match news {
            SessionNews::Authenticated => {
                if self.session(link).is_some_and(|s| s.state() == LinkState::LoggingIn) {
                    self.subscribe(now, link);
                }
            }
            SessionNews::AuthRefused(error) | SessionNews::SubscriptionRefused(error) => {
                if error.kind == VenueErrorKind::Clock {
                    self.clock_due = Some(now);
                }
                self.drop_link(now, link, &format!("refused: {error}"));
            }
            SessionNews::Subscribed => {
                if self.session_mut(link).is_some_and(|s| s.subscribed(now)) {
                    self.link_up(now, link);
                }
            }
            SessionNews::PingText(frame) => self.send(link, frame),
            SessionNews::GoingAway => self.drop_link(now, link, "the venue is going away"),
            SessionNews::StreamExpired => self.drop_link(now, link, "the stream's name expired"),
            SessionNews::Pong | SessionNews::Ignored => {}
        }
    }

    /// Closes a link from our side.
    pub(super) fn drop_link(&mut self, now: Timestamp, link: LinkId, why: &str) {
        let Some(session) = self.session(link) else { return };
        if session.is_connected() || session.state() == LinkState::Connecting {
            let attempt = session.attempt();
            self.actions.push(Action::Close { link, attempt });
        }
        self.lose_link(now, link, why);
    }

    pub(super) fn lose_link(&mut self, now: Timestamp, link: LinkId, why: &str) {
        let Some(session) = self.session_mut(link) else { return };
        session.lost(now);
        if let Some(place) = self.upkeep.get_mut(usize::from(link.0)) {
            *place = None;
        }
        self.notices.push(Notice::Down { link, why: why.to_owned() });
        let on_it = |(id, call): (&CallId, &Call)| matches!(call, Call::Order { on: Some(on), .. } if *on == link).then_some(*id);
        let orphans: Vec<CallId> = self.calls.iter().filter_map(on_it).collect();
        orphans.into_iter().for_each(|call| self.give_up(now, call, "the link went down"));
    }

    pub(super) fn name(&mut self, now: Timestamp, link: LinkId) {
        if let Address::Ask(ask) = self.dialect.address(link, self.venue_now(now)) {
            self.session_mut(link).into_iter().for_each(|s| s.naming(now));
            self.question(now, ask);
        } else {
            self.connect(now, link);
        }
    }

    pub(super) fn connect(&mut self, now: Timestamp, link: LinkId) {
        let Address::Url(url) = self.dialect.address(link, self.venue_now(now)) else {
            self.lose_link(now, link, "the stream has no name");
            return;
        };
        if let Some(session) = self.session_mut(link) {
            let attempt = session.connecting(now);
            self.actions.push(Action::Connect { link, attempt, url });
        }
    }
}
