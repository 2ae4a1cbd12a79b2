//! Every request the venue answers: where it is, what it weighs, who may ask it, who answers it.
//!
//! One row serves both ways in: the path of the REST API and the method of the WebSocket API, where there is one.

use super::desk::Ask;
use super::json::Raw;
use super::params::Params;
use super::refusal::Refusal;
use super::{futures, spot};
use crate::house::Category;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Who states a key.
    Key,
    /// Who signs.
    Signed,
    /// Who signs with a key that may trade.
    Trade,
}

/// What a request weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Always the same.
    Fixed(u32),
    /// The first with a symbol, the second without one.
    Symbol(u32, u32),
    /// By the number of levels asked for: (at most, weight), and the weight above.
    Levels(&'static [(i64, u32)], u32),
}

impl Weight {
    /// Of this request.
    #[must_use]
    pub fn of(self, params: &Params) -> u32 {
        match self {
            Weight::Fixed(weight) => weight,
            Weight::Symbol(one, all) => {
                if params.get("symbol").is_some() {
                    one
                } else {
                    all
                }
            }
            Weight::Levels(steps, above) => {
                let limit = params.integer("limit").ok().flatten().unwrap_or(100);
                steps.iter().find(|(most, _)| limit <= *most).map_or(above, |(_, weight)| *weight)
            }
        }
    }
}

/// Answers a request.
pub type Handler = fn(&mut Ask<'_>) -> Result<Raw, Refusal>;

/// One request the venue answers.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// HTTP method; empty where it can only be asked over the WebSocket API.
    pub method: &'static str,
    /// Path.
    pub path: &'static str,
    /// Methods of the WebSocket API; empty where it can only be asked over REST.
    pub frames: &'static [&'static str],
    /// What it weighs.
    pub weight: Weight,
    /// Who may ask.
    pub access: Access,
    /// New orders that it counts as.
    pub orders: u32,
    /// Who answers.
    pub answer: Handler,
}

/// A row of the tables below.
pub const fn route(
    method: &'static str,
    path: &'static str,
    frames: &'static [&'static str],
    weight: Weight,
    access: Access,
    answer: Handler,
) -> Route {
    Route { method, path, frames, weight, access, orders: 0, answer }
}

impl Route {
    /// The same row, counting as so many new orders.
    #[must_use]
    pub const fn orders(self, orders: u32) -> Self {
        Self { orders, ..self }
    }
}

/// Which market a path belongs to.
#[must_use]
pub fn category_of(path: &str) -> Option<Category> {
    let first = path.split('/').nth(1)?;
    match first {
        "api" | "sapi" => Some(Category::Spot),
        "fapi" | "dapi" => Some(Category::Linear),
        _ => None,
    }
}

/// The row for a request over HTTP.
#[must_use]
pub fn find(category: Category, method: &str, path: &str) -> Option<&'static Route> {
    table(category).iter().find(|route| route.method == method && route.path == path)
}

/// The row for a method of the WebSocket API.
#[must_use]
pub fn find_frame(category: Category, method: &str) -> Option<&'static Route> {
    table(category).iter().find(|route| route.frames.contains(&method))
}

fn table(category: Category) -> &'static [Route] {
    match category {
        Category::Spot => spot::ROUTES,
        Category::Linear => futures::ROUTES,
    }
}
