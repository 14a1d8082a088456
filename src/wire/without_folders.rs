/// `text` with each absolute path cut to its file's name: which folders a server has is not its clients' business. The log has the
/// whole text.
pub(super) fn without_folders(text: &str) -> String {
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = None;
    while let Some(first) = rest.chars().next() {
        let begins_word = before
            .is_none_or(|before: char| !before.is_alphanumeric() && !"/.:-_~<".contains(before));
        if first == '/' && begins_word {
            let end = rest.find(|c: char| c.is_whitespace() || "'\"`,;:()".contains(c));
            let (path, after) = rest.split_at(end.unwrap_or(rest.len()));
            let name = path.trim_end_matches('/').rsplit('/').next();
            short.push_str(name.filter(|name| !name.is_empty()).unwrap_or(path));
            (before, rest) = (Some('/'), after);
        } else {
            short.push(first);
            (before, rest) = (Some(first), &rest[first.len_utf8()..]);
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_paths_only_the_file_s_name_is_left() {
        for (text, expected) in [
            (
                "cannot read /srv/w/a.pth: denied",
                "cannot read a.pth: denied",
            ),
            ("'/srv/w/' is empty", "'w' is empty"),
            ("run 'x --weights-dir /srv/w'", "run 'x --weights-dir w'"),
            ("/a/b is a pickle", "b is a pickle"),
            (
                "get https://example.com/a/b (or owner/name/file)",
                "get https://example.com/a/b (or owner/name/file)",
            ),
            ("4 / 2, n/a and </html>", "4 / 2, n/a and </html>"),
            ("gr\u{f6}\u{df}e: /\u{f6}/\u{df}", "gr\u{f6}\u{df}e: \u{df}"),
            ("", ""),
        ] {
            assert_eq!(without_folders(text), expected);
        }
    }
}
