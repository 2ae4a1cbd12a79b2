//! An order-by-order recording from Arrow, and the fate of its orders beside what queue models make of it.

use crate::columns::{Columns, int64s, table};
use crate::errors::invalid;
use crate::recording::{fetch, side};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3_arrow::PyTable;
use tradewind_book::{BookOrder, OrderChange};
use tradewind_exchange::QueueModel;
use tradewind_simulator::{Joiners, OrderEvent, Origin, ShadowStudy, follow_shadows};
use tradewind_types::{Nanos, Price, Qty, Side, Timestamp, VenueOrderId};

/// What stands for "never" and "the exact queue" in a table.
const NONE: i64 = -1;

/// (shadows, guesses, executions, executions out of turn)
type Studied = (PyTable, PyTable, usize, usize);

/// Follows every order of a recording, and joiners, through the exact queue and each model.
///
/// opening, events: `order_id`, `side` (int8, 0 bid, 1 ask), `price_ticks`, `size_lots`; events also `recv_ns` and `action` (int8, 0 add,
/// 1 execute `size_lots`, 2 change to `price_ticks` and `size_lots`, 3 delete). models: `risk_averse`, `power n`, `log unit_lots`.
/// joiners: (every ns, lifetime ns, lots), or none.
#[pyfunction]
#[pyo3(signature = (opening, events, models, patience_ns, joiners=None))]
pub(crate) fn queue_study(
    py: Python<'_>,
    opening: PyTable,
    events: PyTable,
    models: Vec<String>,
    patience_ns: i64,
    joiners: Option<(i64, i64, i64)>,
) -> PyResult<Studied> {
    let (opening, events) = (opening.into_inner().0, events.into_inner().0);
    let models = models.iter().map(|name| model_named(name)).collect::<PyResult<Vec<_>>>()?;
    let joiners = joiners.map(|(every, lifetime, lots)| Joiners { every: Nanos(every), lifetime: Nanos(lifetime), qty: Qty(lots) });
    let study = py.detach(|| {
        let (mut orders, mut changes) = (Vec::new(), Vec::new());
        for batch in &opening {
            orders.extend(book_orders(&Columns::of(batch))?);
        }
        for batch in &events {
            changes.extend(order_events(&Columns::of(batch))?);
        }
        follow_shadows(&orders, &changes, &models, Nanos(patience_ns), joiners).map_err(invalid)
    })?;
    Ok((shadow_table(&study)?, guess_table(&study)?, study.executions, study.out_of_turn))
}

fn model_named(name: &str) -> PyResult<QueueModel> {
    let number = |text: &str| text.parse().ok().filter(|n: &i64| *n >= 1);
    let model = match name.split_once(' ') {
        None if name == "risk_averse" => Some(QueueModel::RiskAverse),
        Some(("power", n)) => number(n).and_then(|n| u32::try_from(n).ok()).map(|power| QueueModel::Probabilistic { power }),
        Some(("log", n)) => number(n).map(|unit_lots| QueueModel::Logarithmic { unit_lots }),
        _ => None,
    };
    model.ok_or_else(|| PyValueError::new_err(format!("no queue model `{name}`; one of `risk_averse`, `power n`, `log unit_lots`")))
}

fn book_orders(columns: &Columns<'_>) -> PyResult<Vec<BookOrder>> {
    let [order, price, size] = fetch(columns, ["order_id", "price_ticks", "size_lots"])?;
    let sides = columns.full_int8("side")?;
    let of = |i: usize| {
        let order = VenueOrderId(order[i].cast_unsigned().into());
        Ok(BookOrder { order, side: side(sides[i], i)?, price: Price(price[i]), qty: Qty(size[i]) })
    };
    (0..columns.rows()).map(of).collect()
}

fn order_events(columns: &Columns<'_>) -> PyResult<Vec<OrderEvent>> {
    let [recv] = fetch(columns, ["recv_ns"])?;
    let actions = columns.full_int8("action")?;
    let of = |(i, resting): (usize, BookOrder)| {
        let BookOrder { order, price, qty, .. } = resting;
        let change = match actions[i] {
            0 => OrderChange::Add(resting),
            1 => OrderChange::Execute { order, qty },
            2 => OrderChange::Change { order, price, qty },
            3 => OrderChange::Delete { order },
            other => return Err(PyValueError::new_err(format!("action {other} in row {i}; 0 add, 1 execute, 2 change, 3 delete"))),
        };
        Ok(OrderEvent { at: Timestamp(recv[i]), change })
    };
    book_orders(columns)?.into_iter().enumerate().map(of).collect()
}

fn shadow_table(study: &ShadowStudy) -> PyResult<PyTable> {
    let column = |read: fn(&tradewind_simulator::Shadow) -> i64| int64s(study.shadows.iter().map(read));
    table(vec![
        (
            "order_id",
            column(|s| match s.origin {
                Origin::Recorded(order) => order.0 as i64,
                Origin::Joined => NONE,
            }),
        ),
        ("joined", column(|s| i64::from(s.origin == Origin::Joined))),
        ("side", column(|s| i64::from(s.side == Side::Sell))),
        ("price_ticks", column(|s| s.price.0)),
        ("size_lots", column(|s| s.qty.0)),
        ("ahead_lots", column(|s| s.ahead.0)),
        ("placed_ns", column(|s| s.placed.0)),
        ("ended_ns", column(|s| s.ended.0)),
        ("deadline_ns", column(|s| s.deadline.0)),
        ("filled_lots", column(|s| s.filled.0)),
        ("contested", column(|s| i64::from(s.contested))),
    ])
}

fn guess_table(study: &ShadowStudy) -> PyResult<PyTable> {
    let column = |read: fn(&tradewind_simulator::Guess) -> i64| int64s(study.guesses.iter().map(read));
    table(vec![
        ("shadow", column(|g| g.shadow as i64)),
        ("model", column(|g| g.model.map_or(NONE, |model| model as i64))),
        ("first_fill_ns", column(|g| g.first_fill.map_or(NONE, |at| at.0))),
        ("filled_ns", column(|g| g.filled_at.map_or(NONE, |at| at.0))),
        ("filled_lots", column(|g| g.filled.0)),
        ("ahead_bias_lots", column(|g| g.ahead_bias)),
        ("ahead_error_lots", column(|g| g.ahead_error)),
    ])
}
