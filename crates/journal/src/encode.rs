//! Postcard into a buffer that is there already, several times faster than postcard's own writer.
//!
//! A record is mostly numbers, and postcard writes each number byte by byte. Here the seven-bit groups of a number are spread over
//! a word with three shifts and stored at once. The bytes are postcard's: its reader reads them, and the tests compare the two.

use postcard::Error;
use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
    Serializer,
};

/// Longest number, and how much room must be left behind the encoding.
pub(crate) const SPARE_BYTES: usize = 19;

/// Encodes a value at the start of `room`; gives its length. What lies behind it, up to [`SPARE_BYTES`], is overwritten.
///
/// # Errors
/// [`Error::SerializeBufferFull`] when the room is smaller than the encoding and the spare bytes; [`Error::SerializeSeqLengthUnknown`]
/// for a sequence that does not know its length.
#[inline]
pub(crate) fn encode_into<T: Serialize>(value: &T, room: &mut [u8]) -> postcard::Result<usize> {
    let mut encoder = Encoder { room, used: 0 };
    value.serialize(&mut encoder)?;
    Ok(encoder.used)
}

struct Encoder<'a> {
    room: &'a mut [u8],
    used: usize,
}

impl Encoder<'_> {
    /// The next bytes, of which the caller uses as many as it needs.
    #[inline(always)]
    fn spare(&mut self) -> postcard::Result<&mut [u8; SPARE_BYTES]> {
        self.room.get_mut(self.used..).and_then(|rest| rest.first_chunk_mut()).ok_or(Error::SerializeBufferFull)
    }

    #[inline(always)]
    fn byte(&mut self, byte: u8) -> postcard::Result<()> {
        self.spare()?[0] = byte;
        self.used += 1;
        Ok(())
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        let end = self.used.checked_add(bytes.len()).ok_or(Error::SerializeBufferFull)?;
        self.room.get_mut(self.used..end).ok_or(Error::SerializeBufferFull)?.copy_from_slice(bytes);
        self.used = end;
        Ok(())
    }

    #[inline(always)]
    fn number(&mut self, value: u64) -> postcard::Result<()> {
        let spare = self.spare()?;
        let length = if value < 1 << 7 {
            spare[0] = value as u8;
            1
        } else if value < 1 << 56 {
            let length = (63 - value.leading_zeros() as usize) / 7 + 1;
            let marks = MORE & ((1 << (8 * (length - 1))) - 1);
            spare[..8].copy_from_slice(&(spread(value) | marks).to_le_bytes());
            length
        } else {
            let rest = (value >> 56) as u8;
            spare[..8].copy_from_slice(&(spread(value) | MORE).to_le_bytes());
            (spare[8], spare[9]) = (rest, 1);
            9 + usize::from(rest >> 7)
        };
        self.used += length;
        Ok(())
    }

    #[inline(always)]
    fn wide_number(&mut self, value: u128) -> postcard::Result<()> {
        match u64::try_from(value) {
            Ok(value) => self.number(value),
            Err(_) => self.widest_number(value),
        }
    }

    fn widest_number(&mut self, mut value: u128) -> postcard::Result<()> {
        let spare = self.spare()?;
        let mut length = 0;
        while value >= 1 << 7 {
            spare[length] = value as u8 | 1 << 7;
            value >>= 7;
            length += 1;
        }
        spare[length] = value as u8;
        self.used += length + 1;
        Ok(())
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
        fn $name(self, $value: $type) -> postcard::Result<()> {
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
    fn serialize_u128(self, value: u128) -> postcard::Result<()> {
        self.wide_number(value)
    }

    #[inline(always)]
    fn serialize_i128(self, value: i128) -> postcard::Result<()> {
        self.wide_number(((value << 1) ^ (value >> 127)) as u128)
    }

    #[inline(always)]
    fn serialize_bool(self, value: bool) -> postcard::Result<()> {
        self.byte(u8::from(value))
    }

    #[inline(always)]
    fn serialize_u8(self, value: u8) -> postcard::Result<()> {
        self.byte(value)
    }

    #[inline(always)]
    fn serialize_i8(self, value: i8) -> postcard::Result<()> {
        self.byte(value.cast_unsigned())
    }

    fn serialize_f32(self, value: f32) -> postcard::Result<()> {
        self.bytes(&value.to_le_bytes())
    }

    fn serialize_f64(self, value: f64) -> postcard::Result<()> {
        self.bytes(&value.to_le_bytes())
    }

    fn serialize_char(self, value: char) -> postcard::Result<()> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> postcard::Result<()> {
        self.serialize_bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> postcard::Result<()> {
        self.number(value.len() as u64)?;
        self.bytes(value)
    }

    #[inline(always)]
    fn serialize_none(self) -> postcard::Result<()> {
        self.byte(0)
    }

    #[inline(always)]
    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> postcard::Result<()> {
        self.byte(1)?;
        value.serialize(self)
    }

    #[inline(always)]
    fn serialize_unit(self) -> postcard::Result<()> {
        Ok(())
    }

    #[inline(always)]
    fn serialize_unit_struct(self, _name: &'static str) -> postcard::Result<()> {
        Ok(())
    }

    #[inline(always)]
    fn serialize_unit_variant(self, _name: &'static str, index: u32, _variant: &'static str) -> postcard::Result<()> {
        self.number(u64::from(index))
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _name: &'static str, value: &T) -> postcard::Result<()> {
        value.serialize(self)
    }

    #[inline(always)]
    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        value: &T,
    ) -> postcard::Result<()> {
        self.number(u64::from(index))?;
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> postcard::Result<Self> {
        self.number(length.ok_or(Error::SerializeSeqLengthUnknown)? as u64)?;
        Ok(self)
    }

    #[inline(always)]
    fn serialize_tuple(self, _length: usize) -> postcard::Result<Self> {
        Ok(self)
    }

    #[inline(always)]
    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> postcard::Result<Self> {
        Ok(self)
    }

    #[inline(always)]
    fn serialize_tuple_variant(self, _: &'static str, index: u32, _: &'static str, _: usize) -> postcard::Result<Self> {
        self.number(u64::from(index))?;
        Ok(self)
    }

    fn serialize_map(self, length: Option<usize>) -> postcard::Result<Self> {
        self.serialize_seq(length)
    }

    #[inline(always)]
    fn serialize_struct(self, _name: &'static str, _length: usize) -> postcard::Result<Self> {
        Ok(self)
    }

    #[inline(always)]
    fn serialize_struct_variant(self, _: &'static str, index: u32, _: &'static str, _: usize) -> postcard::Result<Self> {
        self.number(u64::from(index))?;
        Ok(self)
    }

    fn collect_str<T: ?Sized + std::fmt::Display>(self, value: &T) -> postcard::Result<()> {
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
            fn $method<T: ?Sized + Serialize>(&mut self, $($name: $type,)? value: &T) -> postcard::Result<()> {
                value.serialize(&mut **self)
            }

            #[inline(always)]
            fn end(self) -> postcard::Result<()> {
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

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> postcard::Result<()> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> postcard::Result<()> {
        value.serialize(&mut **self)
    }

    fn end(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{SPARE_BYTES, encode_into};
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

    fn assert_same<T: Serialize>(value: &T) {
        let expected = postcard::to_stdvec(value).unwrap();
        let mut room = vec![0xEE; expected.len() + SPARE_BYTES];
        assert_eq!(encode_into(value, &mut room), Ok(expected.len()));
        assert_eq!(room[..expected.len()], expected);
        for short in 0..expected.len() {
            assert_eq!(encode_into(value, &mut room[..short]), Err(postcard::Error::SerializeBufferFull));
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
            pairs in prop::collection::vec(any::<(u128, i64)>(), 0..5), map in prop::collection::btree_map(any::<i32>(), ".*", 0..3),
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
