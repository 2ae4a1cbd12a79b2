//! What somebody may have meant.

/// The candidate that is fewest changes of a letter away, if it is near enough to be a slip.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = word.chars().count().div_ceil(3).max(2);
    let scored = candidates.into_iter().map(|c| (distance(&word.to_lowercase(), &c.to_lowercase()), c));
    scored.filter(|(d, _)| *d <= far).min_by_key(|(d, _)| *d).map(|(_, c)| c)
}

/// ` Did you mean …?`, or nothing.
#[must_use]
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |near| format!(" Did you mean `{near}`?"))
}

/// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substituted = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = substituted.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen_and_other_words_are_not() {
        let symbols = ["BTCUSDT", "ETHUSDT", "BTCUSDC"];
        assert_eq!(nearest("BTCUSTD", symbols), Some("BTCUSDT"));
        assert_eq!(nearest("btcusdt", symbols), Some("BTCUSDT"));
        assert_eq!(nearest("DOGEBTC", symbols), None);
        assert_eq!(nearest("binanc", ["binance", "bybit"]), Some("binance"));
        assert_eq!(nearest("kraken", ["binance", "bybit"]), None);
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
