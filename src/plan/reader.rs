//! The tree as a source for serde, with the place of every mistake.

use super::read::{AT, KIND, Mistake, ReadError};
use super::tree::{Entry, Kind, Node, Numeral, Place};
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

/// A node as serde reads it.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a Node);

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let node = self.0;
        match &node.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(flag) => visitor.visit_bool(*flag),
            Kind::Number(Numeral { number, .. }) => match (number.as_u64(), number.as_i64(), number.as_f64())
            {
                (Some(number), _, _) => visitor.visit_u64(number),
                (None, Some(number), _) => visitor.visit_i64(number),
                (None, None, Some(number)) => visitor.visit_f64(number),
                (None, None, None) => Err(de::Error::custom("this number is too large")),
            },
            Kind::Text(text) => visitor.visit_str(text),
            Kind::List(elements) => visitor.visit_seq(Elements { elements, next: 0 }),
            Kind::Map(entries) => visitor.visit_map(Entries { entries, next: 0 }),
        }
        .map_err(|error| error.at(node))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0.kind {
            Kind::Null => visitor.visit_none(),
            Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) | Kind::Map(_) => {
                visitor.visit_some(self)
            }
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == AT {
            return visitor.visit_seq(Parts { place: self.0.place, value: self, next: 0 });
        }
        if name == KIND {
            return match &self.0.kind {
                Kind::Number(numeral) => match numeral.respelled() {
                    Some(written) => visitor.visit_bytes(written.as_bytes()),
                    None => self.deserialize_any(visitor),
                },
                Kind::Null | Kind::Bool(_) | Kind::Text(_) | Kind::List(_) | Kind::Map(_) => {
                    self.deserialize_any(visitor)
                }
            };
        }
        visitor.visit_newtype_struct(self).map_err(|error| error.at(self.0))
    }

    /// Serde would take a list for a struct, field by field. A plan has names.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match &self.0.kind {
            Kind::List(_) => visitor.visit_unit().map_err(|error: ReadError| error.at(self.0)),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Map(_) => {
                self.deserialize_any(visitor)
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match &self.0.kind {
            Kind::Text(word) => visitor.visit_enum(Word(word)).map_err(|error| error.at(self.0)),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::List(_) | Kind::Map(_) => {
                Err(ReadError::new(Mistake::Wrong { found: None, expected: "a word".to_owned() }).at(self.0))
            }
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct Word<'a>(&'a str);

impl<'de> EnumAccess<'de> for Word<'_> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), ReadError> {
        let name: de::value::StrDeserializer<'_, ReadError> = self.0.into_deserializer();
        seed.deserialize(name).map(|value| (value, self))
    }
}

impl<'de> VariantAccess<'de> for Word<'_> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, ReadError> {
        Err(de::Error::custom("this word stands alone"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, ReadError> {
        Err(de::Error::custom("this word stands alone"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ReadError> {
        Err(de::Error::custom("this word stands alone"))
    }
}

struct Elements<'a> {
    elements: &'a [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        let index = self.next;
        let Some(element) = self.elements.get(index) else { return Ok(None) };
        self.next += 1;
        seed.deserialize(Reader(element)).map(Some).map_err(|error| error.at(element).below(index))
    }
}

struct Entries<'a> {
    entries: &'a [Entry],
    next: usize,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = ReadError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        let Some(entry) = self.entries.get(self.next) else { return Ok(None) };
        let key = Node { place: entry.key_place, kind: Kind::Text(entry.key.clone()) };
        seed.deserialize(Reader(&key)).map(Some).map_err(|error| error.at(&key).below(self.next))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        let index = self.next;
        let Some(entry) = self.entries.get(index) else {
            return Err(de::Error::custom("a key without a value"));
        };
        self.next += 1;
        seed.deserialize(Reader(&entry.value)).map_err(|error| error.at(&entry.value).below(index))
    }
}

struct Parts<'a> {
    place: Place,
    value: Reader<'a>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        self.next += 1;
        let part = |number: usize| -> de::value::UsizeDeserializer<ReadError> { number.into_deserializer() };
        match self.next {
            1 => seed.deserialize(part(self.place.file)).map(Some),
            2 => seed.deserialize(part(self.place.start)).map(Some),
            3 => seed.deserialize(part(self.place.end)).map(Some),
            4 => seed.deserialize(self.value).map(Some),
            _ => Ok(None),
        }
    }
}
