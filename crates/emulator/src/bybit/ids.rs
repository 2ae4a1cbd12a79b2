//! The venue's ids, made from numbers and read back to them.
//!
//! Spot orders and trades carry decimal numbers, contracts carry UUIDs. Both are one-to-one with the house's numbers, so
//! nothing has to be remembered to find an order by the id its owner was given, and an id nobody was given is not found.

/// Spot ids start where the venue's own are today: nineteen digits.
const SPOT_OFFSET: u64 = 1_800_000_000_000_000_000;
const CHECK: u64 = 0x6279_6269_7400_0001;

/// How the ids of one market are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdStyle {
    /// A decimal number, as on spot.
    Decimal,
    /// A UUID, as on contracts.
    Uuid,
}

impl IdStyle {
    /// The venue's id of the house's number.
    pub(super) fn write(self, number: u64) -> String {
        match self {
            IdStyle::Decimal => SPOT_OFFSET.wrapping_add(number).to_string(),
            IdStyle::Uuid => uuid(number),
        }
    }

    /// The house's number of a venue's id; `None` where the id was never given.
    pub(super) fn read(self, id: &str) -> Option<u64> {
        match self {
            IdStyle::Decimal => id.parse::<u64>().ok()?.checked_sub(SPOT_OFFSET),
            IdStyle::Uuid => {
                let digits = [id.get(..8)?, id.get(9..13)?, id.get(15..18)?, id.get(20..21)?].concat();
                let mixed = u64::from_str_radix(&digits, 16).ok()?;
                let number = unmix(mixed);
                (uuid(number) == id).then_some(number)
            }
        }
    }
}

/// A version-4 UUID that holds `number`: sixteen digits of it, mixed, and fourteen that check it.
pub(super) fn uuid(number: u64) -> String {
    let digits = format!("{:016x}{:014x}", mix(number), mix(number ^ CHECK) >> 8);
    format!("{}-{}-4{}-a{}-{}", &digits[..8], &digits[8..12], &digits[12..15], &digits[15..18], &digits[18..])
}

/// SplitMix64's finalizer (Steele, Lea, Flood 2014): one-to-one on 64 bits.
fn mix(number: u64) -> u64 {
    let a = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let b = (a ^ (a >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let c = (b ^ (b >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    c ^ (c >> 31)
}

/// The inverse of [`mix`]: each xor-shift undone, each factor replaced by its inverse modulo 2^64.
fn unmix(mixed: u64) -> u64 {
    let c = mixed ^ (mixed >> 31) ^ (mixed >> 62);
    let b = c.wrapping_mul(0x3196_42b2_d24d_8ec3);
    let b = b ^ (b >> 27) ^ (b >> 54);
    let a = b.wrapping_mul(0x96de_1b17_3f11_9089);
    (a ^ (a >> 30) ^ (a >> 60)).wrapping_sub(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_to_its_number_and_a_stranger_is_not() {
        for number in [0, 1, 2, 77, 1 << 40, u64::MAX >> 8] {
            for style in [IdStyle::Decimal, IdStyle::Uuid] {
                assert_eq!(style.read(&style.write(number)), Some(number), "{style:?} {}", style.write(number));
            }
        }
        let given = IdStyle::Uuid.write(5);
        assert_eq!(given.len(), 36);
        assert_eq!(given.as_bytes()[14], b'4');
        let changed = format!("{}0", &given[..35]);
        assert!(changed == given || IdStyle::Uuid.read(&changed).is_none());
        for stranger in ["", "x", "12", "00000000-0000-4000-a000-000000000000", "été-été-été-été-été-été-été-"] {
            assert_eq!(IdStyle::Uuid.read(stranger), None, "{stranger}");
            assert_eq!(IdStyle::Decimal.read(stranger), None, "{stranger}");
        }
    }
}
