//! Postcard into a room of fixed size, several times faster than postcard's own writer.
//!
//! A record is mostly numbers, and postcard writes each number byte by byte. Here the seven-bit groups of a number are spread over
//! a word with three shifts and stored at once. Nothing is asked on the way: what is too large for the room overwrites its own
//! beginning, is counted on, and is refused at the end. The bytes are postcard's: its reader reads them, and the tests compare
//! the two.

use postcard::{Error, Result};
use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
    Serializer,
};

/// Largest encoding, what is put before it included.
pub(crate) const ENCODED_BYTES_MAX: usize = 1024;
/// Longest number: what may be written behind the largest encoding.
const NUMBER_BYTES_MAX: usize = 19;
const ROOM_BYTES: usize = ENCODED_BYTES_MAX + NUMBER_BYTES_MAX;

/// Where values are encoded.
#[derive(Clone, Debug)]
pub(crate) struct Slate(Box<[u8; ROOM_BYTES]>);

impl Slate {
    pub(crate) fn new() -> Self {
        Self(Box::new([0; ROOM_BYTES]))
    }

    /// Encodes a value behind `head` bytes, which are the caller's; gives both.
    ///
    /// # Errors
    /// [`Error::SerializeBufferFull`] for more than [`ENCODED_BYTES_MAX`]; [`Error::SerializeSeqLengthUnknown`] for a sequence that
    /// does not know its length.
    #[inline]
    pub(crate) fn encode<T: Serialize>(&mut self, head: usize, value: &T) -> Result<&mut [u8]> {
        let mut encoder = Encoder { room: &mut self.0, used: head };
        value.serialize(&mut encoder)?;
        let used = encoder.used;
        self.0.get_mut(..used).filter(|_| used <= ENCODED_BYTES_MAX).ok_or(Error::SerializeBufferFull)
    }
}

struct Encoder<'a> {
    room: &'a mut [u8; ROOM_BYTES],
    /// Bytes encoded; those beyond the maximum were not kept.
    used: usize,
}

impl Encoder<'_> {
    /// Where the next number goes: the longest fits from there.
    #[inline(always)]
    const fn at(&self) -> usize {
        self.used % ENCODED_BYTES_MAX
    }

    #[inline(always)]
    fn byte(&mut self, byte: u8) -> Result<()> {
        self.room[self.at()] = byte;
        self.used += 1;
        Ok(())
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(place) = self.used.checked_add(bytes.len()).and_then(|end| self.room.get_mut(self.used..end)) {
            place.copy_from_slice(bytes);
        }
        self.used = self.used.saturating_add(bytes.len());
        Ok(())
    }

    #[inline(always)]
    fn word(&mut self, word: u64) {
        let at = self.at();
        self.room[at..at + 8].copy_from_slice(&word.to_le_bytes());
    }

    #[inline(always)]
    fn number(&mut self, value: u64) -> Result<()> {
        let length = if value < 1 << 7 {
            self.room[self.at()] = value as u8;
            1
        } else if value < 1 << 56 {
            let length = (63 - value.leading_zeros() as usize) / 7 + 1;
            let marks = MORE & ((1 << (8 * (length - 1))) - 1);
            self.word(spread(value) | marks);
            length
        } else {
            let rest = (value >> 56) as u8;
            self.word(spread(value) | MORE);
            let at = self.at();
            (self.room[at + 8], self.room[at + 9]) = (rest, 1);
            9 + usize::from(rest >> 7)
        };
        self.used += length;
        Ok(())
    }

    #[inline(always)]
    fn wide_number(&mut self, value: u128) -> Result<()> {
        match u64::try_from(value) {
            Ok(value) => self.number(value),
            Err(_) => self.widest_number(value),
        }
    }

    fn widest_number(&mut self, mut value: u128) -> Result<()> {
        while value >= 1 << 7 {
            self.byte(value as u8 | 1 << 7)?;
            value >>= 7;
        }
        self.byte(value as u8)
    }
}

/// The bit that says that another byte follows, in each byte of a word.
const MORE: u64 = 0x8080_8080_8080_8080;

/// Spreads the low 56 bits over eight bytes, seven bits each, lowest first.
#[inline(always)]
const fn spread(value: u64) -> u64 {
    let halves = (value & 0x0000_0000_0FFF_FFFF) | ((value & 0x00FF_FFFF_F000_0000) << 4);
    let quarters = (halves & 0x0000_3FFF_0000_3FFF) | ((halves & 0x0FFF_C000_0FFF_C000) << 2);
    (quarters & 0x007F_007F_007F_007F) | ((quarters & 0x3F80_3F80_3F80_3F80) << 1)
}

macro_rules! numbers {
    ($($name:ident $type:ty as $value:ident => $unsigned:expr),+ $(,)?) => {
        $(#[inline(always)]
        fn $name(self, $value: $type) -> Result<()> {
            self.number($unsigned)
        })+
    };
}

impl Serializer for &mut Encoder<'_> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    numbers! {
        serialize_u16 u16 as value => u64::from(value),
        serialize_u32 u32 as value => u64::from(value),
        serialize_u64 u64 as value => value,
        serialize_i16 i16 as value => u64::from(((value << 1) ^ (value >> 15)) as u16),
        serialize_i32 i32 as value => u64::from(((value << 1) ^ (value >> 31)) as u32),
        serialize_i64 i64 as value => ((value << 1) ^ (value >> 63)) as u64,
    }

    #[inline(always)]
    fn serialize_u128(self, value: u128) -> Result<()> {
        self.wide_number(value)
    }

    #[inline(always)]
    fn serialize_i128(self, value: i128) -> Result<()> {
        self.wide_number(((value << 1) ^ (value >> 127)) as u128)
    }

    #[inline(always)]
    fn serialize_bool(self, value: bool) -> Result<()> {
        self.byte(u8::from(value))
    }

    #[inline(always)]
    fn serialize_u8(self, value: u8) -> Result<()> {
        self.byte(value)
    }

    #[inline(always)]
    fn serialize_i8(self, value: i8) -> Result<()> {
        self.byte(value.cast_unsigned())
    }

    fn serialize_f32(self, value: f32) -> Result<()> {
        self.bytes(&value.to_le_bytes())
    }

    fn serialize_f64(self, value: f64) -> Result<()> {
        self.bytes(&value.to_le_bytes())
    }

    fn serialize_char(self, value: char) -> Result<()> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<()> {
        self.serialize_bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<()> {
        self.number(value.len() as u64)?;
        self.bytes(value)
    }

    #[inline(always)]
    fn serialize_none(self) -> Result<()> {
        self.byte(0)
    }

    #[inline(always)]
    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<()> {
        self.byte(1)?;
        value.serialize(self)
    }

    #[inline(always)]
    fn serialize_unit(self) -> Result<()> {
        Ok(())
    }

    #[inline(always)]
    fn serialize_unit_struct(self, _name: &'static str) -> Result<()> {
        Ok(())
    }

    #[inline(always)]
    fn serialize_unit_variant(self, _name: &'static str, index: u32, _variant: &'static str) -> Result<()> {
        self.number(u64::from(index))
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _name: &'static str, value: &T) -> Result<()> {
        value.serialize(self)
    }

    #[inline(always)]
    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Result<()> {
        self.number(u64::from(index))?;
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self> {
        self.number(length.ok_or(Error::SerializeSeqLengthUnknown)? as u64)?;
        Ok(self)
    }

    #[inline(always)]
    fn serialize_tuple(self, _length: usize) -> Result<Self> {
        Ok(self)
    }

    #[inline(always)]
    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Self> {
        Ok(self)
    }

    #[inline(always)]
    fn serialize_tuple_variant(self, _: &'static str, index: u32, _: &'static str, _: usize) -> Result<Self> {
        self.number(u64::from(index))?;
        Ok(self)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self> {
        self.serialize_seq(length)
    }

    #[inline(always)]
    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Self> {
        Ok(self)
    }

    #[inline(always)]
    fn serialize_struct_variant(self, _: &'static str, index: u32, _: &'static str, _: usize) -> Result<Self> {
        self.number(u64::from(index))?;
        Ok(self)
    }

    fn collect_str<T: ?Sized + std::fmt::Display>(self, value: &T) -> Result<()> {
        self.serialize_str(&value.to_string())
    }

    #[inline(always)]
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Parts follow each other without anything between them, whatever they are parts of.
macro_rules! parts {
    ($($trait:ident::$method:ident($($name:ident: $type:ty)?)),+ $(,)?) => {
        $(impl $trait for &mut Encoder<'_> {
            type Ok = ();
            type Error = Error;

            #[inline(always)]
            fn $method<T: ?Sized + Serialize>(&mut self, $($name: $type,)? value: &T) -> Result<()> {
                value.serialize(&mut **self)
            }

            #[inline(always)]
            fn end(self) -> Result<()> {
                Ok(())
            }
        })+
    };
}

parts!(
    SerializeSeq::serialize_element(),
    SerializeTuple::serialize_element(),
    SerializeTupleStruct::serialize_field(),
    SerializeTupleVariant::serialize_field(),
    SerializeStruct::serialize_field(_name: &'static str),
    SerializeStructVariant::serialize_field(_name: &'static str),
);

impl SerializeMap for &mut Encoder<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<()> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<()> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{ENCODED_BYTES_MAX, Slate};
    use proptest::prelude::*;
    use serde::Serialize;
    use std::collections::BTreeMap;

    /// Every form that serde knows.
    #[derive(Debug, Clone, Serialize)]
    enum Form {
        Unit,
        Newtype(u32),
        Tuple(i16, i8, u8, u16),
        Struct { a: Option<i128>, b: Option<bool>, c: (), d: char },
        Many(Vec<(u128, i64)>, BTreeMap<i32, String>, [u8; 4], (f32, f64)),
    }

    /// Behind a head of any length, up to where it does not fit.
    fn assert_same<T: Serialize>(value: &T) {
        let expected = postcard::to_stdvec(value).unwrap();
        let mut room = Slate::new();
        for head in [0, 5, 1000, ENCODED_BYTES_MAX - 1, ENCODED_BYTES_MAX] {
            room.0.fill(0xEE);
            match room.encode(head, value) {
                Ok(bytes) => {
                    assert_eq!(bytes[head..], expected);
                    assert!(bytes[..head].iter().all(|byte| *byte == 0xEE), "the head is the caller's");
                }
                Err(error) => {
                    assert_eq!(error, postcard::Error::SerializeBufferFull);
                    assert!(head + expected.len() > ENCODED_BYTES_MAX, "{} bytes behind {head} fit", expected.len());
                }
            }
        }
    }

    #[test]
    fn numbers_around_every_power_of_two_are_postcards() {
        for shift in 0..128 {
            let power = 1_u128 << shift;
            for value in [power - 1, power, power + 1] {
                assert_same(&(value, value as i128, value as u64, value as i64));
                assert_same(&(value as u32, value as i32, value as u16, value as i16, value as u8, value as i8));
            }
        }
        assert_same(&(u128::MAX, i128::MIN, u64::MAX, i64::MIN));
    }

    proptest! {
        #[test]
        fn every_form_is_postcards(
            number in any::<u32>(), tuple in any::<(i16, i8, u8, u16)>(), (a, b, d) in any::<(Option<i128>, Option<bool>, char)>(),
            pairs in prop::collection::vec(any::<(u128, i64)>(), 0..60), map in prop::collection::btree_map(any::<i32>(), ".*", 0..3),
            array in any::<[u8; 4]>(), floats in any::<(f32, f64)>(),
        ) {
            assert_same(&Form::Unit);
            assert_same(&Form::Newtype(number));
            assert_same(&Form::Tuple(tuple.0, tuple.1, tuple.2, tuple.3));
            assert_same(&Form::Struct { a, b, c: (), d });
            assert_same(&Form::Many(pairs, map, array, floats));
        }
    }
}
