//! What an account's fills cost it under a tariff, and the volume that its next tier depends on.

use super::{Clearing, Member, Open};
use crate::fees::{FeeSchedule, RateSource, Tariff, ThirdAsset};
use tradewind_types::{Amount, AssetId, FeeCharge, Fill, Liquidity, MoneyError, Price, Rate, Rounding, Timestamp};

const DAY_NS: i64 = 86_400_000_000_000;

const fn day(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY_NS)
}

impl Clearing {
    /// What a fill costs: what the matching engine charged, or by the tariff where there is one.
    pub(super) fn fee(&self, open: &Open, fill: &Fill) -> Result<FeeCharge, MoneyError> {
        let found = self.tariff.as_ref().zip(self.listed(open.terms.instrument)).zip(self.members.get(&open.terms.account));
        let Some(((tariff, listed), member)) = found else { return Ok(fill.fee) };
        let Some(tier) = tariff.tier(member.volume(tariff, fill.ts_venue)?) else { return Ok(fill.fee) };
        let rate = match fill.liquidity {
            Liquidity::Maker => tier.maker,
            Liquidity::Taker => tier.taker,
        };
        let instrument = &listed.cleared.instrument;
        if let Some(third) = tariff.third.as_ref().filter(|_| rate > Rate(0)) {
            let value = instrument.value(fill.price, fill.qty.0, Rounding::Ceil)?;
            let charged = self.third_asset_fee(third, instrument.value_asset(), value.at_rate(rate, Rounding::Ceil)?)?;
            if let Some(charge) = charged.filter(|charge| member.wallet(charge.asset) >= charge.amount) {
                return Ok(charge);
            }
        }
        let schedule = FeeSchedule { maker: tier.maker, taker: tier.taker, asset: listed.cleared.fees.asset };
        schedule.charge(instrument, open.terms.side, fill.price, fill.qty, fill.liquidity)
    }

    /// Counts a fill towards the account's volume.
    pub(super) fn count(&mut self, open: &Open, fill: &Fill) -> Result<(), MoneyError> {
        let Some(listed) = self.listed.get(open.terms.instrument.index()).and_then(Option::as_ref) else { return Ok(()) };
        let (Some(tariff), Some(member)) = (&self.tariff, self.members.get_mut(&open.terms.account)) else { return Ok(()) };
        let instrument = &listed.cleared.instrument;
        if instrument.value_asset() != tariff.counted_in {
            return Ok(());
        }
        let today = day(fill.ts_venue);
        if member.volumes.is_empty() {
            member.volumes.insert(today - 1, tariff.history);
        }
        let volume = member.volumes.entry(today).or_default();
        *volume = volume.plus(instrument.value(fill.price, fill.qty.0, Rounding::Truncate)?)?;
        Ok(())
    }

    fn third_asset_fee(&self, third: &ThirdAsset, valued_in: AssetId, value: Amount) -> Result<Option<FeeCharge>, MoneyError> {
        let Some(pricing) = self.listed(third.instrument).filter(|p| p.cleared.instrument.terms().quote == valued_in) else {
            return Ok(None);
        };
        let price = match third.source {
            RateSource::Stated(price) => Some(price),
            RateSource::LastPrice => pricing.price,
        };
        price.filter(|price| *price > Price(0)).map(|price| third.charge(&pricing.cleared.instrument, price, value)).transpose()
    }
}

impl Member {
    /// Volume of the whole days before `at` that count.
    fn volume(&self, tariff: &Tariff, at: Timestamp) -> Result<Amount, MoneyError> {
        if self.volumes.is_empty() {
            return Ok(tariff.history);
        }
        let today = day(at);
        let mut sum = Amount::ZERO;
        for (_, volume) in self.volumes.range(today - i64::from(tariff.days)..today) {
            sum = sum.plus(*volume)?;
        }
        Ok(sum)
    }
}
