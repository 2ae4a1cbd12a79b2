//! Our order ids as venues see them: `tw<node>-<epoch>-<counter>`, at most 36 letters, digits and dashes.
//!
//! Whatever else comes back is somebody else's order.

use tradewind_types::OrderId;

/// The client id of an order.
#[must_use]
pub fn client_id(order: OrderId) -> String {
    format!("tw{}-{}-{}", order.node, order.epoch, order.counter)
}

/// The order behind a client id, if it is one of ours (of any node).
#[must_use]
pub fn order_id(text: &str) -> Option<OrderId> {
    let mut parts = text.strip_prefix("tw")?.split('-');
    let mut number = || parts.next().filter(|p| is_canonical(p));
    let order = OrderId { node: number()?.parse().ok()?, epoch: number()?.parse().ok()?, counter: number()?.parse().ok()? };
    parts.next().is_none().then_some(order)
}

/// No sign, no leading zero: one text for one id.
fn is_canonical(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_and_nothing_else_does() {
        let largest = OrderId { node: u16::MAX, epoch: u32::MAX, counter: u64::MAX };
        for order in [OrderId { node: 1, epoch: 3, counter: 77 }, OrderId::default(), largest] {
            assert!(client_id(order).len() <= 40);
            assert_eq!(order_id(&client_id(order)), Some(order));
        }
        for text in ["", "tw", "tw1-2", "tw1-2-3-4", "tw01-2-3", "x-1-2-3", "tw1-2-+3", "tw1-2-", "tw70000-1-1", "web_1"] {
            assert_eq!(order_id(text), None, "{text}");
        }
    }
}
