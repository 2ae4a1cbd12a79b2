//! How fast a node is, over its venues' own bytes: `cargo bench -p tradewind-node --bench node`.
//!
//! `tick_to_order`: a depth frame of 67 levels to the signed bytes of the order that answers it, open loop, for each commit level
//! and each rate. `orders_in_memory` and `orders_on_loopback`: orders a second through a node and an emulated venue, each one
//! followed to its end in the node's journal and in the venue's own records.
//!
//! One JSON line per row. `--quick` does a small part of the work; `--only NAME` runs the rows whose names begin so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_arithmetic,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a measurement: it reads the clock, and stops where something is not as it must be"
)]

mod audit;
mod desk;
mod frames;
mod memory;
mod orders;
mod quoter;
mod tick;

struct Scale {
    /// How long frames come, s.
    tick_s: u64,
    /// How long orders are placed, s.
    orders_s: u64,
}

fn main() {
    let (mut scale, mut only) = (Scale { tick_s: 10, orders_s: 20 }, String::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Cargo's own, when it runs us.
            "--bench" => {}
            "--quick" => scale = Scale { tick_s: 1, orders_s: 2 },
            "--only" => only = arguments.next().expect("--only needs the beginning of a row's name"),
            other => panic!("`{other}` is not understood; --quick, --only NAME"),
        }
    }
    for level in ["memory", "process"] {
        for rate in [1_000, 10_000] {
            let name = format!("tick_to_order_{level}_{rate}");
            if name.starts_with(&only) {
                tick::row(&name, level, rate, scale.tick_s);
            }
        }
    }
    if "orders_in_memory".starts_with(&only) {
        orders::in_memory(scale.orders_s);
    }
    if "orders_on_loopback".starts_with(&only) {
        orders::on_loopback(scale.orders_s);
    }
}
