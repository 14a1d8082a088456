//! A document's parts as they are written: what is looked at is parsed, one level at a time.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// One value, as it is written.
pub(crate) type Raw<'a> = &'a RawValue;

/// The members of the object that `json` is, each given to `member` in turn; `None` if it is none.
pub(crate) fn members<'a>(json: &'a str, member: impl FnMut(Cow<'a, str>, Raw<'a>)) -> Option<()> {
    struct Members<F>(F);

    impl<'a, F: FnMut(Cow<'a, str>, Raw<'a>)> Visitor<'a> for Members<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key_seed(Key)? {
                self.0(key, map.next_value()?);
            }
            Ok(())
        }
    }

    let mut document = serde_json::Deserializer::from_str(json);
    document.deserialize_map(Members(member)).ok()
}

/// The elements of the list that `json` is, each given to `element` in turn; `None` if it is none.
pub(crate) fn elements<'a>(json: &'a str, element: impl FnMut(Raw<'a>)) -> Option<()> {
    struct Elements<F>(F);

    impl<'a, F: FnMut(Raw<'a>)> Visitor<'a> for Elements<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'a>>(mut self, mut list: A) -> Result<(), A::Error> {
            while let Some(element) = list.next_element()? {
                self.0(element);
            }
            Ok(())
        }
    }

    let mut document = serde_json::Deserializer::from_str(json);
    document.deserialize_seq(Elements(element)).ok()
}

/// The value that `raw` is; of a list or an object only that it is one.
pub(crate) fn value(raw: &RawValue) -> Value {
    match raw.get().as_bytes().first() {
        Some(b'[') => Value::Array(Vec::new()),
        Some(b'{') => Value::Object(serde_json::Map::new()),
        _ => serde_json::from_str(raw.get()).unwrap_or_default(),
    }
}

struct Key;

impl<'a> DeserializeSeed<'a> for Key {
    type Value = Cow<'a, str>;

    fn deserialize<D: serde::Deserializer<'a>>(self, key: D) -> Result<Self::Value, D::Error> {
        key.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for Key {
    type Value = Cow<'a, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'a str) -> Result<Self::Value, E> {
        Ok(key.into())
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(key.to_owned().into())
    }
}
