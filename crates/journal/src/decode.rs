//! Postcard out of a block, several times faster than postcard's own reader: the counterpart of `encode`.
//!
//! Recovery is mostly this. A number is taken by one load: its length is where the first byte without a mark is, and its
//! seven-bit groups are drawn together with three shifts. What is accepted, and what it means, is what postcard accepts; the
//! tests compare the two on good bytes and on bad ones.

use postcard::{Error, Result};
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

/// The bit that says that another byte follows, in each byte of a word.
const MORE: u64 = 0x8080_8080_8080_8080;

/// Bytes that are taken from the front.
pub(crate) struct Decoder<'de> {
    rest: &'de [u8],
}

impl<'de> Decoder<'de> {
    pub(crate) const fn new(bytes: &'de [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not taken yet.
    pub(crate) const fn rest(&self) -> &'de [u8] {
        self.rest
    }

    #[inline(always)]
    fn byte(&mut self) -> Result<u8> {
        let (byte, rest) = self.rest.split_first().ok_or(Error::DeserializeUnexpectedEnd)?;
        self.rest = rest;
        Ok(*byte)
    }

    #[inline(always)]
    fn bytes(&mut self, length: usize) -> Result<&'de [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Error::DeserializeUnexpectedEnd)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Error::DeserializeUnexpectedEnd)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// A number of at most `length_max` bytes.
    #[inline(always)]
    fn number(&mut self, length_max: usize) -> Result<u64> {
        match *self.rest {
            [byte, ref rest @ ..] if byte < 1 << 7 => {
                self.rest = rest;
                Ok(u64::from(byte))
            }
            _ => self.long_number(length_max),
        }
    }

    #[inline(always)]
    fn long_number(&mut self, length_max: usize) -> Result<u64> {
        let Some(first) = self.rest.first_chunk::<10>() else { return self.last_number(length_max) };
        let [a, b, c, d, e, f, g, h, ninth, tenth] = *first;
        let word = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let ends = !word & MORE;
        let (value, length) = if ends != 0 {
            // Up to the mark of the last byte; what lies behind it is another's.
            let kept = word & (ends ^ (ends - 1));
            (gather(kept), ends.trailing_zeros() as usize / 8 + 1)
        } else if ninth < 1 << 7 {
            (gather(word) | u64::from(ninth) << 56, 9)
        } else if tenth <= 1 {
            (gather(word) | u64::from(ninth & 0x7F) << 56 | u64::from(tenth) << 63, 10)
        } else {
            return Err(Error::DeserializeBadVarint);
        };
        if length > length_max {
            return Err(Error::DeserializeBadVarint);
        }
        self.rest = &self.rest[length..];
        Ok(value)
    }

    /// A number among the last ten bytes.
    #[cold]
    fn last_number(&mut self, length_max: usize) -> Result<u64> {
        u64::try_from(self.widest_number(length_max)?).map_err(|_| Error::DeserializeBadVarint)
    }

    #[inline(always)]
    fn wide_number(&mut self) -> Result<u128> {
        let Some(first) = self.rest.first_chunk::<8>() else { return self.widest_number(19) };
        let word = u64::from_le_bytes(*first);
        let ends = !word & MORE;
        if ends == 0 {
            return self.widest_number(19);
        }
        self.rest = &self.rest[ends.trailing_zeros() as usize / 8 + 1..];
        Ok(u128::from(gather(word & (ends ^ (ends - 1)))))
    }

    fn widest_number(&mut self, length_max: usize) -> Result<u128> {
        let mut value = 0;
        for at in 0..length_max {
            let byte = self.byte()?;
            let group = u128::from(byte & 0x7F);
            if at == 18 && group > 3 {
                return Err(Error::DeserializeBadVarint);
            }
            value |= group << (7 * at);
            if byte < 1 << 7 {
                return Ok(value);
            }
        }
        Err(Error::DeserializeBadVarint)
    }

    fn length(&mut self) -> Result<usize> {
        usize::try_from(self.number(10)?).map_err(|_| Error::DeserializeBadVarint)
    }
}

/// Draws the low seven bits of eight bytes together, lowest first.
#[inline(always)]
const fn gather(word: u64) -> u64 {
    let pairs = (word & 0x007F_007F_007F_007F) | ((word & 0x7F00_7F00_7F00_7F00) >> 1);
    let quads = (pairs & 0x0000_3FFF_0000_3FFF) | ((pairs & 0x3FFF_0000_3FFF_0000) >> 2);
    (quads & 0x0000_0000_0FFF_FFFF) | ((quads & 0x0FFF_FFFF_0000_0000) >> 4)
}

#[inline(always)]
const fn signed(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// Numbers that are narrower than the word they come in.
macro_rules! narrow_numbers {
    ($($name:ident => $visit:ident, $narrow:ident, $length_max:literal, $number:ident => $value:expr),+ $(,)?) => {
        $(#[inline(always)]
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            let $number = $narrow::try_from(self.number($length_max)?).map_err(|_| Error::DeserializeBadVarint)?;
            visitor.$visit($value)
        })+
    };
}

impl<'de> Deserializer<'de> for &mut Decoder<'de> {
    type Error = Error;

    narrow_numbers! {
        deserialize_u16 => visit_u16, u16, 3, n => n,
        deserialize_u32 => visit_u32, u32, 5, n => n,
        deserialize_i16 => visit_i16, u16, 3, n => signed(u64::from(n)) as i16,
        deserialize_i32 => visit_i32, u32, 5, n => signed(u64::from(n)) as i32,
    }

    #[inline(always)]
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_u64(self.number(10)?)
    }

    #[inline(always)]
    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_i64(signed(self.number(10)?))
    }

    #[inline(always)]
    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_u128(self.wide_number()?)
    }

    #[inline(always)]
    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let value = self.wide_number()?;
        visitor.visit_i128((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    #[inline(always)]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.byte()? {
            0 => visitor.visit_bool(false),
            1 => visitor.visit_bool(true),
            _ => Err(Error::DeserializeBadBool),
        }
    }

    #[inline(always)]
    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_u8(self.byte()?)
    }

    #[inline(always)]
    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_i8(self.byte()?.cast_signed())
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_f32(f32::from_le_bytes(self.array()?))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_f64(f64::from_le_bytes(self.array()?))
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let length = self.length()?;
        let bytes = if length > 4 { Err(Error::DeserializeBadChar) } else { self.bytes(length) }?;
        let text = std::str::from_utf8(bytes).map_err(|_| Error::DeserializeBadChar)?;
        visitor.visit_char(text.chars().next().ok_or(Error::DeserializeBadChar)?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let length = self.length()?;
        visitor.visit_borrowed_str(std::str::from_utf8(self.bytes(length)?).map_err(|_| Error::DeserializeBadUtf8)?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let length = self.length()?;
        visitor.visit_borrowed_bytes(self.bytes(length)?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    #[inline(always)]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.byte()? {
            0 => visitor.visit_none(),
            1 => visitor.visit_some(self),
            _ => Err(Error::DeserializeBadOption),
        }
    }

    #[inline(always)]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    #[inline(always)]
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    #[inline(always)]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let left = self.length()?;
        visitor.visit_seq(Parts { decoder: self, left })
    }

    #[inline(always)]
    fn deserialize_tuple<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value> {
        visitor.visit_seq(Parts { decoder: self, left })
    }

    #[inline(always)]
    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _name: &'static str, left: usize, visitor: V) -> Result<V::Value> {
        visitor.visit_seq(Parts { decoder: self, left })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let left = self.length()?;
        visitor.visit_map(Parts { decoder: self, left })
    }

    #[inline(always)]
    fn deserialize_struct<V: Visitor<'de>>(self, _name: &'static str, fields: &'static [&'static str], visitor: V) -> Result<V::Value> {
        visitor.visit_seq(Parts { decoder: self, left: fields.len() })
    }

    #[inline(always)]
    fn deserialize_enum<V: Visitor<'de>>(self, _name: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value> {
        visitor.visit_enum(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value> {
        Err(Error::WontImplement)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value> {
        Err(Error::WontImplement)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value> {
        Err(Error::WontImplement)
    }

    #[inline(always)]
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Parts follow each other without anything between them, whatever they are parts of.
struct Parts<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Parts<'_, 'de> {
    type Error = Error;

    #[inline(always)]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.decoder).map(Some)
    }

    /// A part is a byte at least, unless it is nothing at all: a length that promises more is not believed.
    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.decoder.rest.len()))
    }
}

impl<'de> MapAccess<'de> for Parts<'_, 'de> {
    type Error = Error;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        seed.deserialize(&mut *self.decoder)
    }
}

impl<'de> EnumAccess<'de> for &mut Decoder<'de> {
    type Error = Error;
    type Variant = Self;

    #[inline(always)]
    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self)> {
        let index = u32::try_from(self.number(5)?).map_err(|_| Error::DeserializeBadVarint)?;
        Ok((seed.deserialize(index.into_deserializer())?, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Decoder<'de> {
    type Error = Error;

    #[inline(always)]
    fn unit_variant(self) -> Result<()> {
        Ok(())
    }

    #[inline(always)]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self)
    }

    #[inline(always)]
    fn tuple_variant<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value> {
        visitor.visit_seq(Parts { decoder: self, left })
    }

    #[inline(always)]
    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value> {
        visitor.visit_seq(Parts { decoder: self, left: fields.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::Decoder;
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize, de::DeserializeOwned};
    use std::collections::BTreeMap;

    /// Every form that serde knows.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Form {
        Unit,
        Newtype(u32),
        Tuple(i16, i8, u8, u16),
        Struct { a: Option<i128>, b: Option<bool>, c: (), d: char },
        Many(Vec<(u128, i64)>, BTreeMap<i32, String>, [u8; 4], (f32, f64)),
    }

    /// The same value and rest as postcard's, or an error like its.
    fn assert_same<T: DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
        let mut decoder = Decoder::new(bytes);
        let found = T::deserialize(&mut decoder).map(|value| (value, decoder.rest()));
        assert_eq!(found, postcard::take_from_bytes(bytes), "{bytes:?}");
    }

    fn assert_reads<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
        let bytes = postcard::to_stdvec(value).unwrap();
        for behind in [0, 1, 20] {
            let mut longer = bytes.clone();
            longer.resize(bytes.len() + behind, 0xEE);
            assert_same::<T>(&longer);
        }
        for short in 0..bytes.len() {
            assert_same::<T>(&bytes[..short]);
        }
    }

    #[test]
    fn numbers_around_every_power_of_two_are_postcards() {
        for shift in 0..128 {
            let power = 1_u128 << shift;
            for value in [power - 1, power, power + 1] {
                assert_reads(&(value, value as i128, value as u64, value as i64));
                assert_reads(&(value as u32, value as i32, value as u16, value as i16, value as u8, value as i8));
            }
        }
        assert_reads(&(u128::MAX, i128::MIN, u64::MAX, i64::MIN));
    }

    proptest! {
        #[test]
        fn every_form_is_postcards(
            number in any::<u32>(), tuple in any::<(i16, i8, u8, u16)>(), (a, b, d) in any::<(Option<i128>, Option<bool>, char)>(),
            pairs in prop::collection::vec(any::<(u128, i64)>(), 0..5), map in prop::collection::btree_map(any::<i32>(), ".*", 0..3),
            array in any::<[u8; 4]>(), floats in (-1e9f32..1e9, -1e9f64..1e9),
        ) {
            assert_reads(&Form::Unit);
            assert_reads(&Form::Newtype(number));
            assert_reads(&Form::Tuple(tuple.0, tuple.1, tuple.2, tuple.3));
            assert_reads(&Form::Struct { a, b, c: (), d });
            assert_reads(&Form::Many(pairs, map, array, floats));
        }

        /// Bytes that nobody wrote: long marks, wrong tags, lengths beyond the end.
        #[test]
        fn what_postcard_refuses_is_refused(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0x80), Just(0xFF), 0u8..4], 0..40),
        ) {
            assert_same::<u16>(&bytes);
            assert_same::<i32>(&bytes);
            assert_same::<(u32, i64)>(&bytes);
            assert_same::<(i16, u64)>(&bytes);
            assert_same::<(u128, i128)>(&bytes);
            assert_same::<Option<(bool, char)>>(&bytes);
            assert_same::<Form>(&bytes);
        }
    }
}
