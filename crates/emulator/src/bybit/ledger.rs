//! What each client's positions have made so far, fees and funding counted, and when they last changed.

use crate::house::{ClientId, House, News};
use std::collections::BTreeMap;
use tradewind_types::{Amount, InstrumentId, Timestamp};

/// Sums by client and contract.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: BTreeMap<(ClientId, InstrumentId), (Amount, Timestamp)>,
}

impl Ledger {
    /// Books what happened.
    pub(super) fn book(&mut self, news: &[News], house: &House) {
        for one in news {
            let (key, amount, at) = match one {
                News::Fill { fill, .. } if house.listing(fill.instrument).is_some_and(|l| !l.instrument.terms().kind.is_spot()) => {
                    ((fill.client, fill.instrument), fill.realised.0 - fill.fee.amount.0, fill.at)
                }
                News::Funding { client, payment } => ((*client, payment.instrument), payment.amount.0, payment.ts_venue),
                _ => continue,
            };
            let entry = self.entries.entry(key).or_default();
            *entry = (Amount(entry.0.0.saturating_add(amount)), at);
        }
    }

    /// Profit taken, less fees, with funding.
    pub(super) fn realised(&self, client: ClientId, instrument: InstrumentId) -> Amount {
        self.entries.get(&(client, instrument)).map_or(Amount::ZERO, |(realised, _)| *realised)
    }

    /// When the position last changed; the beginning of time where it never did.
    pub(super) fn changed(&self, client: ClientId, instrument: InstrumentId) -> Timestamp {
        self.entries.get(&(client, instrument)).map_or(Timestamp(0), |(_, at)| *at)
    }
}
