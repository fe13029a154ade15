//! Whether two values are the same to serde: in names and variants, numbers and texts.
//!
//! An encoding by position leaves the names out, so that two values can share one: its
//! bytes, compared with those of the decoded value, would not show that it is another.

use std::fmt;
use std::hash::{DefaultHasher, Hasher};

use serde::ser::{self, Serialize};

/// The name under which serde is told the position of what travels beside an encoding.
pub(crate) const BESIDE: &str = "process_pool: beside the encoding";

/// A number for what `value` tells serde. The elements of sequences and maps count in
/// any order: a `HashMap` has another one after it was decoded. What travels beside the
/// encoding counts as present.
pub(crate) fn fingerprint<T: Serialize + ?Sized>(value: &T) -> Result<u64, Refused> {
    value.serialize(Fingerprint)
}

struct Fingerprint;

/// What a number stands for.
#[derive(Clone, Copy)]
enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
    Char,
    Text,
    Bytes,
    None,
    Some,
    Unit,
    Newtype,
    Variant,
    Elements,
    Fields,
}

impl Kind {
    fn with(self, value: u64) -> u64 {
        mix(self as u64, value)
    }

    fn with_wide(self, value: u128) -> u64 {
        mix(self.with(value as u64), (value >> 64) as u64)
    }

    fn with_bytes(self, bytes: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        self.with(hasher.finish())
    }

    fn parts(self, start: u64) -> Parts {
        let number = self.with(start);
        Parts { number, key: 0 }
    }
}

/// The last step of SplitMix64 (Steele, Lea and Flood 2014): each bit of the two changes
/// half of the result's, and a sum of such numbers is one of its terms' own.
fn mix(one: u64, other: u64) -> u64 {
    let mut x = one.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(other);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A value of several parts, as far as they have come.
struct Parts {
    number: u64,
    /// Of a map: the key whose value comes next.
    key: u64,
}

impl Parts {
    /// A part whose place does not count.
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        let element = mix(self.key, fingerprint(value)?);
        self.number = self.number.wrapping_add(element);
        Ok(())
    }

    /// A part whose name counts, or, without one, its place.
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Refused> {
        let named = mix(self.number, Kind::Text.with_bytes(name.as_bytes()));
        self.number = mix(named, fingerprint(value)?);
        Ok(())
    }
}

macro_rules! scalars {
    ($($method:ident($value:ident: $type:ty) $number:expr;)*) => {
        $(fn $method(self, $value: $type) -> Result<u64, Refused> {
            Ok($number)
        })*
    };
}

/// A value that begins in this way, after arguments that do not count.
macro_rules! of_parts {
    ($($method:ident($($argument:ident: $type:ty),*) -> $parts:ident $start:expr;)*) => {
        $(fn $method(self, $($argument: $type),*) -> Result<Self::$parts, Refused> {
            Ok($start)
        })*
    };
}

impl ser::Serializer for Fingerprint {
    type Ok = u64;
    type Error = Refused;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    scalars! {
        serialize_bool(value: bool) Kind::Bool.with(value.into());
        serialize_i8(value: i8) Kind::Signed.with(value as u64);
        serialize_i16(value: i16) Kind::Signed.with(value as u64);
        serialize_i32(value: i32) Kind::Signed.with(value as u64);
        serialize_i64(value: i64) Kind::Signed.with(value as u64);
        serialize_i128(value: i128) Kind::Signed.with_wide(value as u128);
        serialize_u8(value: u8) Kind::Unsigned.with(value.into());
        serialize_u16(value: u16) Kind::Unsigned.with(value.into());
        serialize_u32(value: u32) Kind::Unsigned.with(value.into());
        serialize_u64(value: u64) Kind::Unsigned.with(value);
        serialize_u128(value: u128) Kind::Unsigned.with_wide(value);
        // By its bits, so that a NaN is the same as itself.
        serialize_f32(value: f32) Kind::Float.with(value.to_bits().into());
        serialize_f64(value: f64) Kind::Float.with(value.to_bits());
        serialize_char(value: char) Kind::Char.with(value.into());
        serialize_str(value: &str) Kind::Text.with_bytes(value.as_bytes());
        serialize_bytes(value: &[u8]) Kind::Bytes.with_bytes(value);
        serialize_unit_struct(_name: &'static str) Kind::Unit.with(0);
    }

    of_parts! {
        serialize_seq(_len: Option<usize>) -> SerializeSeq Kind::Elements.parts(0);
        serialize_map(_len: Option<usize>) -> SerializeMap Kind::Elements.parts(0);
        serialize_tuple(_len: usize) -> SerializeTuple Kind::Fields.parts(0);
        serialize_tuple_struct(_name: &'static str, _len: usize) -> SerializeTupleStruct
            Kind::Fields.parts(0);
        serialize_struct(_name: &'static str, _len: usize) -> SerializeStruct
            Kind::Fields.parts(0);
        serialize_tuple_variant(_name: &'static str, _at: u32, variant: &'static str, _len: usize)
            -> SerializeTupleVariant
            Kind::Fields.parts(Kind::Variant.with_bytes(variant.as_bytes()));
        serialize_struct_variant(_name: &'static str, _at: u32, variant: &'static str, _len: usize)
            -> SerializeStructVariant
            Kind::Fields.parts(Kind::Variant.with_bytes(variant.as_bytes()));
    }

    fn serialize_none(self) -> Result<u64, Refused> {
        Ok(Kind::None.with(0))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<u64, Refused> {
        Ok(Kind::Some.with(fingerprint(value)?))
    }

    fn serialize_unit(self) -> Result<u64, Refused> {
        Ok(Kind::Unit.with(0))
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _at: u32,
        variant: &'static str,
    ) -> Result<u64, Refused> {
        Ok(Kind::Variant.with_bytes(variant.as_bytes()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<u64, Refused> {
        Ok(match name {
            // Its value is a position, and those are given in the order of the elements.
            BESIDE => Kind::Newtype.with(0),
            _ => Kind::Newtype.with(fingerprint(value)?),
        })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _at: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<u64, Refused> {
        let variant = Kind::Variant.with_bytes(variant.as_bytes());
        Ok(mix(variant, fingerprint(value)?))
    }

    /// As the encoding: a type that has two forms is sent in this one.
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The traits of the parts differ in their names, and in what a part is given with.
macro_rules! parts {
    ($($trait:ident::$method:ident($($name:ident: &'static str)?) $part:ident($($place:expr)?);)*) => {
        $(impl ser::$trait for Parts {
            type Ok = u64;
            type Error = Refused;

            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $($name: &'static str,)?
                value: &T,
            ) -> Result<(), Refused> {
                self.$part($($place,)? value)
            }

            fn end(self) -> Result<u64, Refused> {
                Ok(self.number)
            }
        })*
    };
}

parts! {
    SerializeSeq::serialize_element() element();
    SerializeTuple::serialize_element() field("");
    SerializeTupleStruct::serialize_field() field("");
    SerializeTupleVariant::serialize_field() field("");
    SerializeStruct::serialize_field(name: &'static str) field(name);
    SerializeStructVariant::serialize_field(name: &'static str) field(name);
}

impl ser::SerializeMap for Parts {
    type Ok = u64;
    type Error = Refused;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Refused> {
        self.key = fingerprint(key)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.element(value)
    }

    fn end(self) -> Result<u64, Refused> {
        Ok(self.number)
    }
}

/// What the value's own `Serialize` said.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(String);

impl ser::Error for Refused {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap, HashSet};

    use super::*;

    #[derive(serde::Serialize)]
    struct Job {
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<u8>,
        retries: u8,
        batch: Vec<u8>,
    }

    fn of<T: Serialize>(value: T) -> u64 {
        fingerprint(&value).expect("serializes")
    }

    #[test]
    fn values_that_share_an_encoding_differ() {
        let job = |limit, retries, batch: &[u8]| Job {
            limit,
            retries,
            batch: batch.to_vec(),
        };
        let (one, other) = (job(None, 1, &[7, 0]), job(Some(2), 7, &[]));
        let encoded = |job| postcard::to_stdvec(job).expect("encodes");
        assert_eq!(encoded(&one), encoded(&other));
        assert_ne!(of(one), of(other));
    }

    #[test]
    fn maps_and_sets_are_the_same_in_any_order() {
        let words: Vec<String> = (0..100).map(|i| format!("word {i}")).collect();
        let set: HashSet<_> = words.iter().cloned().collect();
        let again: HashSet<_> = words.iter().rev().cloned().collect();
        assert!(!set.iter().eq(&again), "another order");
        assert_eq!(of(&set), of(again));
        let map: HashMap<_, _> = words.iter().cloned().zip(0..).collect();
        let sorted: BTreeMap<_, _> = words.into_iter().zip(0..).collect();
        assert_eq!(of(&map), of(sorted));
    }

    #[test]
    fn what_differs_in_one_place_differs() {
        assert_ne!(of(Some(())), of(None::<()>));
        assert_ne!(of(Some(None::<u8>)), of(None::<Option<u8>>));
        assert_ne!(of([1u8, 4].to_vec()), of([2u8, 3].to_vec()));
        assert_ne!(of((1, 2)), of((2, 1)));
        assert_ne!(
            of([("a", 1), ("b", 2)].to_vec()),
            of([("a", 2), ("b", 1)].to_vec())
        );
        assert_ne!(of(1u128 << 64), of(1u128));
        assert_ne!(of(0.0), of(-0.0));
        assert_eq!(of(f64::NAN), of(f64::NAN));
        let with = |key: &str, value| of(BTreeMap::from([(key.to_string(), value)]));
        assert_ne!(with("a", 1), with("b", 1));
        assert_ne!(with("a", 1), with("a", 2));
    }
}
