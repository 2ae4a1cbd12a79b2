//! The quoting rule, in whole numbers, so that two implementations agree to the tick.

use crate::view::{OrderStanding, Touch, WorkingOrder};
use tradewind_types::{OrderId, Price, QuotingParameters, Side};

/// One thing the rule wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuoteAction {
    /// Cancel an order.
    Cancel {
        /// Which.
        order: OrderId,
    },
    /// Place a post-only order of the parameters' quantity.
    Place {
        /// Bid or ask.
        side: Side,
        /// At what price.
        price: Price,
    },
}

/// Decides both quotes. `position` is the book's net lots, `touch` the best bid and ask (none: pull everything), `orders` the live
/// orders of the loop, oldest first.
///
/// The rule, with `//` for division rounded to minus infinity and `trunc` for rounded to zero:
/// ```text
/// mid2 = best_bid + best_ask                                   (the mid, in half ticks)
/// skew = trunc(position * skew_half_ticks / max_position)      (0 when max_position is 0)
/// bid  = (mid2 - half_spread_half_ticks - skew) // 2,          then min(bid, best_ask - 1)
/// ask  = -((-(mid2 + half_spread_half_ticks - skew)) // 2),    then max(ask, best_bid + 1)
/// bid is wanted when position + qty <=  max_position and bid >= 1
/// ask is wanted when position - qty >= -max_position and ask >= 1
/// ```
/// Per side: the oldest `Working` order at the wanted price is kept, whatever is left of it; every other `Working` order of the
/// side is cancelled; a new order is placed when a price is wanted, nothing was kept, and no order of the side is `Unknown`
/// (an order whose fate is unknown is left alone, and its side waits). Orders already `Cancelling` do not hold the side up:
/// a replacement leaves in the same wake as the cancel.
///
/// Actions come in this order: cancels of bids, cancels of asks (each oldest first), then the new bid, then the new ask.
pub fn decide_quotes(
    parameters: &QuotingParameters,
    position: i64,
    touch: Option<Touch>,
    orders: &[WorkingOrder],
    mut emit: impl FnMut(QuoteAction),
) {
    let [bid, ask] = touch.map_or([None, None], |touch| wanted_prices(parameters, position, touch));
    let bid_place = settle_side(Side::Buy, bid, orders, &mut emit);
    let ask_place = settle_side(Side::Sell, ask, orders, &mut emit);
    for (side, price) in [(Side::Buy, bid_place), (Side::Sell, ask_place)] {
        if let Some(price) = price {
            emit(QuoteAction::Place { side, price });
        }
    }
}

fn wanted_prices(parameters: &QuotingParameters, position: i64, touch: Touch) -> [Option<Price>; 2] {
    let (position, max_position) = (i128::from(position), i128::from(parameters.max_position.0));
    let (best_bid, best_ask) = (i128::from(touch.bid.0), i128::from(touch.ask.0));
    let mid2 = best_bid + best_ask;
    let skew = if max_position == 0 { 0 } else { position * i128::from(parameters.skew_half_ticks) / max_position };
    let half_spread = i128::from(parameters.half_spread_half_ticks);
    let bid = (mid2 - half_spread - skew).div_euclid(2).min(best_ask - 1);
    let ask = (-(-(mid2 + half_spread - skew)).div_euclid(2)).max(best_bid + 1);
    let qty = i128::from(parameters.qty.0);
    let price = |wanted: bool, price: i128| i64::try_from(price).ok().filter(|p| wanted && *p >= 1).map(Price);
    [price(position + qty <= max_position, bid), price(position - qty >= -max_position, ask)]
}

/// Cancels what is not wanted; the price to place at, if nothing there serves.
fn settle_side(side: Side, wanted: Option<Price>, orders: &[WorkingOrder], emit: &mut impl FnMut(QuoteAction)) -> Option<Price> {
    let (mut kept, mut unknown) = (false, false);
    for order in orders.iter().filter(|order| order.side == side) {
        match order.standing {
            OrderStanding::Unknown => unknown = true,
            OrderStanding::Cancelling => {}
            OrderStanding::Working if !kept && wanted.is_some() && order.price == wanted => kept = true,
            OrderStanding::Working => emit(QuoteAction::Cancel { order: order.order }),
        }
    }
    if kept || unknown { None } else { wanted }
}
