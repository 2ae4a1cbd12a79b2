//! What must hold after every event, and at the end, when everything has been reconciled.

use crate::storm::desk::{ACCOUNTS, ASSETS, BOOKS, BTC, INSTRUMENTS, INVERSE, LINEAR, SPOT, USDT, WALLET, value_asset};
use crate::storm::memory::{open_lots, worst_case};
use crate::storm::node::Breach;
use crate::storm::play::Storm;
use crate::storm::venue::{Owner, Status};
use crate::storm::wire::order_of;
use tradewind_engine::{Order, Position};
use tradewind_types::{
    AlgoSpec, AssetId, Author, Definition, DoneReason, LimitScope, OrderId, OrderRequest, OrderState, Outcome, Qty, Side,
};

/// The laws of every moment.
pub fn check(storm: &Storm, outcomes: &[Outcome]) -> Result<(), Breach> {
    money(storm)?;
    wallet(storm)?;
    standings(storm)?;
    orders(storm)?;
    halts(storm, outcomes)?;
    identities(storm)
}

fn money(storm: &Storm) -> Result<(), Breach> {
    let state = storm.node.engine.state();
    if !state.ledger().is_balanced() {
        return Err(Breach::new("the ledger sums to zero per asset", "it does not"));
    }
    if !state.books_match_accounts() {
        return Err(Breach::new("books sum to accounts", "they do not"));
    }
    Ok(())
}

/// Reservations keep a wallet from being overdrawn, but for a unit or two of rounding per fill. A market order's reservation is
/// an estimate, and a fill that comes in late finds its reservation gone.
fn wallet(storm: &Storm) -> Result<(), Breach> {
    let state = storm.node.engine.state();
    let is_exception = |o: &&Order| {
        let is_late = storm.memory().late.contains_key(&o.id) || storm.lied.contains(&o.id);
        o.terms.instrument == SPOT && o.filled > Qty::ZERO && (is_late || (o.price().is_none() && o.terms.side == Side::Buy))
    };
    if state.orders().any(|o| is_exception(&o)) {
        return Ok(());
    }
    for asset in [USDT, BTC] {
        let withdrawn: i128 = storm.deposits.iter().map(|definition| withdrawal(definition, asset)).sum();
        let balance = state.balance(WALLET, asset).0 + withdrawn;
        if balance < -2 * storm.memory().booked.len() as i128 {
            return Err(Breach::new("a wallet is not overdrawn", format!("asset {asset}: {balance} units")));
        }
    }
    Ok(())
}

fn withdrawal(definition: &Definition, of: AssetId) -> i128 {
    match definition {
        Definition::Deposit { account: WALLET, asset, amount, .. } if *asset == of => (-amount.0).max(0),
        _ => 0,
    }
}

/// What the limits look at is what the orders say, summed one by one.
fn standings(storm: &Storm) -> Result<(), Breach> {
    let state = storm.node.engine.state();
    let law = "exposure is what live orders can still do";
    for instrument in INSTRUMENTS {
        let mut cells = vec![(LimitScope::Firm, state.firm_standing(instrument))];
        cells.extend(ACCOUNTS.map(|id| (LimitScope::Account(id), state.account_standing(id, instrument))));
        cells.extend(BOOKS.map(|id| (LimitScope::Book(id), state.book_standing(id, instrument))));
        for (scope, found) in cells {
            let worst = [Side::Buy, Side::Sell].map(|side| worst_case(storm.memory(), state, scope, instrument, side));
            if [found.position + found.buys, found.sells - found.position] != worst {
                return Err(Breach::new(law, format!("{scope:?} instrument {instrument}: {found:?}, orders make {worst:?}")));
            }
        }
    }
    for account in ACCOUNTS {
        for asset in ASSETS {
            let spends = |o: &&Order| {
                let spent = if o.terms.side == Side::Buy { AssetId(0) } else { AssetId(1) };
                o.terms.account == account && o.terms.instrument == SPOT && spent == asset
            };
            let held: i128 = state.orders().filter(|o| o.is_live()).filter(spends).map(|o| o.held.amount.0).sum();
            if state.free_balance(account, asset).0 != state.balance(account, asset).0 - held {
                return Err(Breach::new(law, format!("account {account} asset {asset}: live orders hold {held}")));
            }
        }
    }
    Ok(())
}

/// Order by order: the venue can do no more than what is held back for it.
fn orders(storm: &Storm) -> Result<(), Breach> {
    for order in storm.node.engine.state().orders() {
        let truth = storm.venue.orders.get(&order.id);
        let (filled, is_at_venue) = (truth.map_or(0, |o| o.filled), truth.is_some());
        if order.filled.0 > filled {
            let found = format!("{}: {} booked, the venue filled {filled}", order.id, order.filled.0);
            return Err(Breach::new("a fill is booked once, and only if it happened", found));
        }
        if storm.lied.contains(&order.id) {
            continue;
        }
        if order.filled > order.ceiling.qty() {
            return Err(Breach::new("no more is filled than was ordered", format!("{order:?}")));
        }
        let mut still = truth.map_or(0, |o| o.left());
        for flying in storm.wire.requests.iter().filter(|f| f.expires >= storm.now && order_of(&f.request) == order.id) {
            still = still.max(match flying.request {
                OrderRequest::Place { terms, .. } if !is_at_venue && !storm.venue.refused.contains_key(&order.id) => terms.qty.0,
                OrderRequest::Amend { qty, .. } if truth.is_some_and(|o| o.status == Status::Open) => qty.0 - filled,
                _ => 0,
            });
        }
        let untold = filled - order.filled.0;
        let is_covered = if order.is_live() { order.held.lots >= still + untold } else { still == 0 };
        if !is_covered || (order.is_live() && order.held.lots != open_lots(order)) {
            let found = format!("the venue can still fill {still}, has not told of {untold}; we have {order:?}");
            return Err(Breach::new("both outcomes of everything in flight are held back", found));
        }
    }
    Ok(())
}

/// A halt cancels what lives in its scope, and a venue that overfills is halted.
fn halts(storm: &Storm, outcomes: &[Outcome]) -> Result<(), Breach> {
    let state = storm.node.engine.state();
    for outcome in outcomes {
        match outcome {
            Outcome::Halted { scope, .. } => {
                let is_left = |o: &&Order| {
                    crate::storm::desk::covers(*scope, o.terms.instrument, o.terms.account, o.terms.book)
                        && !matches!(o.state, OrderState::Cancelling | OrderState::Unknown { .. })
                };
                if let Some(order) = state.live_orders().find(is_left) {
                    return Err(Breach::new("a halt cancels what is live", format!("{scope:?}: {order:?}")));
                }
            }
            Outcome::Filled { fill, .. } => {
                let order = state.order(fill.order);
                let is_over =
                    order.is_some_and(|o| o.filled > o.ceiling.qty() && !state.limits().is_halted(LimitScope::Account(o.terms.account)));
                if is_over {
                    return Err(Breach::new("a venue that overfills is halted", format!("{fill:?}")));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Ids are used once, and the journal knows every order that left.
fn identities(storm: &Storm) -> Result<(), Breach> {
    if let Some(order) = storm.wire.twice.first().or(storm.venue.twice.first()) {
        return Err(Breach::new("an order id leaves once", format!("{order} left twice")));
    }
    let state = storm.node.engine.state();
    match storm.wire.placed.iter().find(|id| state.order(**id).is_none() && !storm.orphans.contains(id)) {
        Some(id) => Err(Breach::new("the journal has every order that left", format!("{id} left and is not in it"))),
        None => Ok(()),
    }
}

/// The laws of the end: everything is as the venue has it.
pub fn check_end(storm: &Storm) -> Result<(), Breach> {
    let state = storm.node.engine.state();
    for order in state.orders() {
        let truth = storm.venue.orders.get(&order.id);
        let agrees = match truth {
            None => !order.is_live() && order.filled == Qty::ZERO,
            Some(there) => {
                let is_same_life = match there.status {
                    Status::Open => order.state == OrderState::Open && order.price() == there.price && order.terms.qty.0 == there.qty,
                    Status::Filled | Status::Cancelled | Status::Expired => !order.is_live(),
                };
                let is_honest = !storm.lied.contains(&order.id);
                let is_same_end = there.status != Status::Filled || order.state == OrderState::Done { reason: DoneReason::Filled };
                order.filled.0 == there.filled && (!is_honest || (is_same_life && is_same_end))
            }
        };
        if !agrees {
            return Err(Breach::new("in the end orders are as the venue has them", format!("{order:?}, the venue has {truth:?}")));
        }
    }
    truths(storm)?;
    algos(storm)
}

/// Balances and positions, to the unit. What only the venue knows (orders that a power cut took from the journal) is left out.
fn truths(storm: &Storm) -> Result<(), Breach> {
    let law = "in the end balances and positions are the venue's, to the unit";
    let state = storm.node.engine.state();
    let known = storm.known_truth();
    for owner in ACCOUNTS.map(Owner::Account).into_iter().chain(BOOKS.map(Owner::Book)) {
        let position = |instrument| -> Position {
            match owner {
                Owner::Account(id) => state.position(id, instrument),
                Owner::Book(id) => state.book_position(id, instrument),
            }
        };
        for instrument in INSTRUMENTS {
            let (found, there) = (position(instrument), known.lots.get(&(owner, instrument)).copied().unwrap_or(0));
            if found.lots != there || (there == 0 && found.entry.0 != 0) {
                return Err(Breach::new(law, format!("{owner:?} instrument {instrument}: {found:?}, the venue has {there} lots")));
            }
        }
        for asset in ASSETS {
            let balance = match owner {
                Owner::Account(id) => state.balance(id, asset),
                Owner::Book(id) => state.book_balance(id, asset),
            };
            let open = [LINEAR, INVERSE].into_iter().filter(|id| value_asset(*id) == asset).map(|id| position(id).entry.0);
            let funding = match owner {
                Owner::Account(_) => 0,
                Owner::Book(book) => storm.memory().funding.get(&(book, asset)).copied().unwrap_or(0),
            };
            let (at_cost, there) = (balance.0 - open.sum::<i128>(), known.money.get(&(owner, asset)).copied().unwrap_or(0) + funding);
            if at_cost != there {
                return Err(Breach::new(law, format!("{owner:?} asset {asset}: {at_cost} units, the venue has {there}")));
            }
        }
    }
    Ok(())
}

/// An algo that was not stopped has come to its end once its timers have, and none has traded more than it was asked to.
fn algos(storm: &Storm) -> Result<(), Breach> {
    let state = storm.node.engine.state();
    for id in &storm.memory().algos {
        let Some(algo) = state.algo(*id) else { return Err(Breach::new("an algo that started is known", format!("{id}"))) };
        if algo.is_running {
            return Err(Breach::new("an algo that runs has a timer", format!("{id}: {algo:?} waits for ever")));
        }
        let asked = match algo.spec {
            AlgoSpec::Immediate { qty, .. } | AlgoSpec::Twap { qty, .. } => qty,
            AlgoSpec::Quoting { .. } | AlgoSpec::Bracket { .. } => continue,
        };
        let of_algo = |order: OrderId| state.order(order).is_some_and(|o| o.author == Author::Algo(*id));
        let excused: i64 = storm.memory().late.iter().filter(|(order, _)| of_algo(**order)).map(|(_, lots)| lots).sum();
        if algo.filled.0 > asked.0 + excused && !storm.lied.iter().any(|order| of_algo(*order)) {
            return Err(Breach::new("an algo trades no more than it was asked to", format!("{id}: {algo:?}")));
        }
    }
    Ok(())
}
