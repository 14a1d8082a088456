//! The keys that callers are known by.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::{HeaderMap, HeaderName, header};
use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use thiserror::Error;

/// The other header that a key may come in, for clients that cannot set `authorization`.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Where keys are that are in no file.
const LISTED: &str = "IMAGE_EMBED_API_KEYS (--api-keys)";
/// Shorter keys can be guessed.
const SHORT: usize = 16;

/// Whoever has a key, by the name that stands before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller(Arc<str>);

/// Keys, and whose they are. Of a key only its SHA-256 is kept.
#[derive(Debug)]
pub struct Keys {
    listed: Vec<Key>,
    file: Option<PathBuf>,
    known: RwLock<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    keys: Arc<[Key]>,
    callers: usize,
}

#[derive(Clone, Debug)]
struct Key {
    caller: Caller,
    digest: [u8; 32],
}

/// What is wrong with the keys. No text has a key in it.
#[derive(Debug, Error)]
pub enum KeysError {
    /// The file cannot be read.
    #[error("cannot read the keys in {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// There is none.
    #[error("there are no keys in {place}")]
    None {
        /// Where they should be.
        place: String,
    },
    /// One is not written as a key is.
    #[error("key {number} of {place} {fault}")]
    Malformed {
        /// Which one, counted from 1.
        number: usize,
        /// Where it is.
        place: String,
        /// What is wrong with it, as the end of a sentence.
        fault: &'static str,
    },
}

/// Why a request has no caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// It brings no key.
    NoKey,
    /// It brings one that is nobody's.
    WrongKey,
}

impl Caller {
    /// The name before the key.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    #[cfg(test)]
    pub(crate) fn named(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Keys {
    /// The keys in `listed` and in `file`: `name:key`, one a line or with commas between.
    ///
    /// # Errors
    /// [`KeysError`] if the file cannot be read, there is no key, or one is malformed.
    pub fn new(listed: &str, file: Option<PathBuf>) -> Result<Self, KeysError> {
        let mut keys = Vec::new();
        parse(listed, LISTED, &mut keys)?;
        let listed = keys;
        let known = Known::read(&listed, file.as_deref())?;
        Ok(Self {
            listed,
            file,
            known: RwLock::new(known),
        })
    }

    /// Reads the file again, and returns how many callers there are now.
    ///
    /// # Errors
    /// [`KeysError`] as [`Keys::new`]; the keys are then those that they were.
    pub fn reload(&self) -> Result<usize, KeysError> {
        let known = Known::read(&self.listed, self.file.as_deref())?;
        let callers = known.callers;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(callers)
    }

    /// How many callers there are.
    #[must_use]
    pub fn callers(&self) -> usize {
        self.known().callers
    }

    /// Whose request has these headers: `authorization: Bearer KEY`, or `x-api-key: KEY`.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Unknown> {
        let bearer = headers.get(header::AUTHORIZATION).map(|it| it.as_bytes());
        let bearer = bearer.and_then(after_bearer);
        let key = headers.get(API_KEY).map(|it| it.as_bytes());
        let given: Vec<_> = [bearer, key].into_iter().flatten().collect();
        if given.is_empty() {
            return Err(Unknown::NoKey);
        }
        let known = self.known();
        let mut callers = given.into_iter().filter_map(|key| known.caller(key));
        callers.next().ok_or(Unknown::WrongKey)
    }

    fn known(&self) -> Known {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }
}

impl Known {
    fn read(listed: &[Key], file: Option<&Path>) -> Result<Self, KeysError> {
        let mut keys = listed.to_vec();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|source| KeysError::Unreadable {
                path: path.to_owned(),
                source,
            })?;
            let before = keys.len();
            let place = path.display().to_string();
            parse(&text, &place, &mut keys)?;
            if keys.len() == before {
                return Err(KeysError::None { place });
            }
        }
        if keys.is_empty() {
            return Err(KeysError::None {
                place: LISTED.to_owned(),
            });
        }
        let names: HashSet<_> = keys.iter().map(|key| &key.caller).collect();
        Ok(Self {
            callers: names.len(),
            keys: keys.into(),
        })
    }

    /// Takes the same time whichever key it is, or none: all are compared, to the end.
    fn caller(&self, key: &[u8]) -> Option<Caller> {
        let digest: [u8; 32] = Sha256::digest(key).into();
        let mut found = 0;
        for (index, key) in (1_u64..).zip(self.keys.iter()) {
            found.conditional_assign(&index, key.digest.ct_eq(&digest));
        }
        let index = usize::try_from(found.checked_sub(1)?).ok()?;
        Some(self.keys.get(index)?.caller.clone())
    }
}

/// Adds the keys in `text` to `keys`. Lines that begin with `#` are comments.
fn parse(text: &str, place: &str, keys: &mut Vec<Key>) -> Result<(), KeysError> {
    let lines = text.lines().filter(|line| !line.trim().starts_with('#'));
    let entries = lines.flat_map(|line| line.split(',')).map(str::trim);
    for (number, entry) in (1..).zip(entries.filter(|entry| !entry.is_empty())) {
        let malformed = |fault| KeysError::Malformed {
            number,
            place: place.to_owned(),
            fault,
        };
        let (name, key) = entry
            .split_once(':')
            .ok_or_else(|| malformed("has no name; write it as name:key"))?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(malformed(
                "has a name that is empty or not in printable ASCII without spaces",
            ));
        }
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(malformed(
                "is empty or not in printable ASCII without spaces",
            ));
        }
        if key.len() < SHORT {
            tracing::warn!(
                caller = name,
                "a key of fewer than {SHORT} characters can be guessed"
            );
        }
        let digest = Sha256::digest(key).into();
        let other = keys.iter().find(|key| key.digest == digest);
        if other.is_some_and(|key| key.caller.name() != name) {
            return Err(malformed("is another caller's key too"));
        }
        keys.push(Key {
            caller: Caller(name.into()),
            digest,
        });
    }
    Ok(())
}

/// The scheme's name is in any case, and one space or several follow (RFC 9110 §11.4).
fn after_bearer(value: &[u8]) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer ";
    let (scheme, key) = value.split_at_checked(SCHEME.len())?;
    scheme
        .eq_ignore_ascii_case(SCHEME)
        .then(|| key.trim_ascii())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn keys(listed: &str) -> Result<Keys, KeysError> {
        Keys::new(listed, None)
    }

    fn caller(keys: &Keys, headers: &[(HeaderName, &str)]) -> Result<String, Unknown> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
        let caller = keys.caller(&headers.collect())?;
        Ok(caller.name().to_owned())
    }

    #[test]
    fn a_caller_is_known_by_either_header_and_by_each_of_its_keys() {
        let keys = keys("# two people\nann:key-of-ann, bob:key:of:bob\n\nann:new-key-of-ann\n");
        let keys = keys.unwrap();
        assert_eq!(keys.callers(), 2);
        let bearer = |value: &str| caller(&keys, &[(header::AUTHORIZATION, value)]);
        assert_eq!(bearer("Bearer key-of-ann").unwrap(), "ann");
        assert_eq!(bearer("bearer  new-key-of-ann").unwrap(), "ann");
        assert_eq!(bearer("BEARER key:of:bob").unwrap(), "bob");
        assert_eq!(caller(&keys, &[(API_KEY, "key:of:bob")]).unwrap(), "bob");
        let basic = (header::AUTHORIZATION, "Basic eDp5");
        let both = [basic.clone(), (API_KEY, "key-of-ann")];
        assert_eq!(caller(&keys, &both).unwrap(), "ann", "a proxy's own");
        for wrong in [
            "key-of-an",
            "key-of-ann1",
            "KEY-OF-ANN",
            "ann:key-of-ann",
            "",
        ] {
            let found = caller(&keys, &[(API_KEY, wrong)]);
            assert_eq!(found, Err(Unknown::WrongKey), "{wrong}");
        }
        assert_eq!(caller(&keys, &[basic]), Err(Unknown::NoKey));
        assert_eq!(bearer("Bearer"), Err(Unknown::NoKey));
    }

    #[test]
    fn what_is_wrong_with_a_key_is_said_without_the_key() {
        for (listed, expected) in [
            ("", "there are no keys in IMAGE_EMBED_API_KEYS"),
            ("#a:b", "there are no keys in IMAGE_EMBED_API_KEYS"),
            (
                "a:secret-one,secret-two",
                "key 2 of IMAGE_EMBED_API_KEYS (--api-keys) has no name",
            ),
            (":secret-one", "has a name that is empty"),
            ("a:", "is empty"),
            ("a:secret two", "not in printable ASCII"),
            ("a:secret-one,b:secret-one", "key 2 of"),
        ] {
            let error = keys(listed).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_file_that_has_become_worse_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        std::fs::write(&file, "ann:first-key-of-ann\n").unwrap();
        let keys = Keys::new("", Some(file.clone())).unwrap();
        let known = |key: &str| caller(&keys, &[(API_KEY, key)]).is_ok();
        for broken in ["", "ann\n"] {
            std::fs::write(&file, broken).unwrap();
            keys.reload().unwrap_err();
            assert!(known("first-key-of-ann"));
        }
        std::fs::write(&file, "ann:second-key-of-ann\nbob:key-of-bob\n").unwrap();
        assert_eq!(keys.reload().unwrap(), 2);
        assert!(!known("first-key-of-ann") && known("second-key-of-ann"));
    }
}
