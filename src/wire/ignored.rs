//! Keys of a request that nobody reads: the Python service passes over them, so this one does, but says so.

use std::fmt;

use engine::{FaceContext, OPERATIONS, Operation, Param, Target};
use serde_json::Value;

/// Names that are told; of more it is said only how many there are.
const TOLD: usize = 8;
/// Characters of a name that are told.
const NAME_CHARACTERS: usize = 40;

/// What a request says in vain, each with the place, e.g. `tasks[0].targt (did you mean params.target?)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    told: Vec<String>,
    more: usize,
}

impl Ignored {
    /// Whether everything is read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    pub(super) fn add(&mut self, place: &str, key: &str, why: fmt::Arguments<'_>) {
        if self.told.len() == TOLD {
            self.more += 1;
            return;
        }
        let dot = if place.is_empty() { "" } else { "." };
        self.told.push(format!("{place}{dot}{}{why}", visible(key)));
    }

    /// A key that is none of `known`.
    pub(super) fn add_unknown<'a>(
        &mut self,
        place: &str,
        key: &str,
        known: impl Iterator<Item = &'a str>,
    ) {
        match alike(key, known) {
            Some(known) => self.add(place, key, format_args!(" (did you mean {known}?)")),
            None => self.add(place, key, format_args!("")),
        }
    }

    pub(super) fn extend(&mut self, other: Self) {
        let room = TOLD - self.told.len();
        self.more += other.more + other.told.len().saturating_sub(room);
        self.told.extend(other.told.into_iter().take(room));
    }
}

/// One line of visible ASCII, no longer than a header may be.
impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told.join(", "))?;
        match self.more {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}

/// What of a key can stand in a header.
fn visible(key: &str) -> String {
    let mut name: String = key
        .chars()
        .take(NAME_CHARACTERS)
        .map(|it| {
            if it.is_ascii_graphic() && it != ',' {
                it
            } else {
                '?'
            }
        })
        .collect();
    if key.chars().nth(NAME_CHARACTERS).is_some() {
        name.push_str("...");
    }
    name
}

/// The one of `known` that `key` may have been meant to be.
fn alike<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Comparing costs the product of the lengths.
    const LONGEST: usize = 40;
    if key.len() > LONGEST {
        return None;
    }
    // `faceContext` and `Max-Length` are other ways to write the same.
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|it| it.to_ascii_lowercase()).collect()
    };
    let wanted = plain(key);
    known
        .map(|known| (strsim::osa_distance(&wanted, &plain(known)), known))
        .filter(|(distance, known)| *distance <= (known.len() / 4).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The names of the parameters that `operation` reads.
pub(super) fn param_names(operation: &Operation) -> impl Iterator<Item = &'static str> {
    let of_its_own = operation.params.iter().map(|param: &Param| param.name);
    std::iter::once("target").chain(of_its_own)
}

/// Whether any operation has a parameter of this name.
pub(super) fn is_param(key: &str) -> bool {
    OPERATIONS
        .iter()
        .any(|operation| param_names(operation).any(|name| name == key))
}

/// Notes a `face_context` that nobody looks for a face in, or that is not one of the two.
pub(super) fn note_face_context(
    ignored: &mut Ignored,
    place: &str,
    operation: &Operation,
    params: &engine::Params,
) {
    const KEY: &str = "face_context";
    let Some(context) = params.get(KEY) else {
        return;
    };
    let face = Target::ProminentFace.name();
    let target = match params.get("target") {
        Some(Value::String(target)) => target,
        // A classifier has a region of its own, and a wrong target is told otherwise.
        None | Some(Value::Null) if operation.name != "classify" => operation.default_target.name(),
        _ => return,
    };
    if target != face {
        ignored.add(place, KEY, format_args!(" (read with target {face} only)"));
    } else if !FaceContext::ALL.iter().any(|it| context == it.name()) {
        ignored.add(
            place,
            KEY,
            format_args!(" (not known: taken as whole_image)"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_nearly_known_is_told_with_what_it_may_mean() {
        let known = ["target", "face_context", "max_length"];
        for (key, meant) in [
            ("targt", Some("target")),
            ("faceContext", Some("face_context")),
            ("MAX-LENGTH", Some("max_length")),
            ("max_lenght", Some("max_length")),
            ("note", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(alike(key, known.into_iter()), meant, "{key}");
        }
        let long = "target".repeat(100_000);
        assert_eq!(alike(&long, known.into_iter()), None);
    }

    #[test]
    fn what_is_told_is_one_short_line_of_visible_ascii() {
        let mut ignored = Ignored::default();
        for at in 0..100_000 {
            let key = format!("{at}\u{e9}\r\n{}", "x".repeat(1000));
            ignored.add_unknown("tasks[0].params", &key, std::iter::empty());
        }
        let line = ignored.to_string();
        assert!(line.len() < 1000, "{} bytes", line.len());
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        assert!(line.ends_with(", and 99992 more"), "{line}");
    }
}
