//! A JSON list that may stand in a page of HTML.

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;

/// Places of a page at which a list is looked for. Each costs a try, and a list stands near the front.
const MAX_TRIES: usize = 1000;

/// Reads the list that `text` is, or the first within it that can be read and is `wanted`: a page may have other brackets
/// before it.
pub(super) fn json_within<T: DeserializeOwned>(
    text: &[u8],
    wanted: impl Fn(&T) -> bool,
) -> anyhow::Result<T> {
    let text = text
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(text)
        .trim_ascii();
    if text.first().is_some_and(|byte| b"[{".contains(byte)) {
        return serde_json::from_slice(text).context("not the JSON that was expected");
    }
    if let Some(found) = first_within(text, &wanted) {
        return Ok(found);
    }
    let page = String::from_utf8_lossy(text);
    if page.contains("&quot;") || page.contains("&#34;") {
        // The ampersand last, or what it stands before would be taken for another character's.
        let plain = page
            .replace("&quot;", "\"")
            .replace("&#34;", "\"")
            .replace("&amp;", "&");
        if let Some(found) = first_within(plain.as_bytes(), &wanted) {
            return Ok(found);
        }
    }
    let start: String = page.chars().take(60).collect();
    bail!("no JSON in it; it starts {start:?}")
}

fn first_within<T: DeserializeOwned>(text: &[u8], wanted: impl Fn(&T) -> bool) -> Option<T> {
    let brackets = text.iter().enumerate().filter(|&(_, &byte)| byte == b'[');
    brackets.take(MAX_TRIES).find_map(|(at, _)| {
        let mut reader = serde_json::Deserializer::from_slice(&text[at..]);
        T::deserialize(&mut reader).ok().filter(&wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<u32>, String> {
        json_within(text.as_bytes(), |list: &Vec<u32>| !list.is_empty())
            .map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_list_is_found_wherever_it_stands() {
        for text in [
            "[1, 2]",
            "  [1,2]\n",
            "\u{feff}[1,2]",
            "<html><body><pre>[1,2]</pre></body></html>",
            "<!-- [if IE] --><style>p { margin: 0 }</style><script>var x = [];</script>[1,2]<p>[3]</p>",
        ] {
            assert_eq!(read(text), Ok(vec![1, 2]), "{text}");
        }
        let quoted =
            json_within(b"<pre>[&quot;a&amp;b&quot;]</pre>", |_: &Vec<String>| true).unwrap();
        assert_eq!(quoted, ["a&b"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(
            read("[1, 2")
                .unwrap_err()
                .contains("EOF while parsing a list")
        );
        assert!(read("{}").unwrap_err().contains("invalid type: map"));
        assert_eq!(
            read("<p>Sorry</p>").unwrap_err(),
            "no JSON in it; it starts \"<p>Sorry</p>\""
        );
        assert_eq!(read("").unwrap_err(), "no JSON in it; it starts \"\"");
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read(&format!("x{}", "[".repeat(100_000))).is_err());
    }
}
