use proptest::prelude::*;

use super::*;
use crate::http::form::MAX_HEADER_BYTES;

/// Each part's name, file name and content; the last is kept only once it is whole.
#[derive(Debug, Default, PartialEq)]
struct Collected {
    whole: Vec<(String, Option<String>, Vec<u8>)>,
    open: Option<(String, Option<String>, Vec<u8>)>,
}

impl Parts for Collected {
    type Error = FormError;

    fn begin(&mut self, head: PartHead) -> Result<(), FormError> {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        self.open = Some((text(head.name), head.file_name.map(text), Vec::new()));
        Ok(())
    }

    fn data(&mut self, more: &[u8]) -> Result<(), FormError> {
        self.open.as_mut().unwrap().2.extend_from_slice(more);
        Ok(())
    }

    fn end(&mut self) {
        self.whole.extend(self.open.take());
    }
}

fn parser(boundary: &str) -> Multipart {
    let header = format!("multipart/form-data; boundary={boundary}");
    Multipart::new(&ContentType::read(header.as_bytes()).unwrap())
}

/// The parts of `body`, fed in chunks of at most `length` bytes.
fn chunked(body: &[u8], length: usize) -> Result<Collected, FormError> {
    let (mut form, mut found) = (parser("XbX"), Collected::default());
    for chunk in body.chunks(length) {
        form.feed(chunk, &mut found)?;
    }
    Ok(found)
}

/// The contents of `body`'s parts, which must not depend on how it is cut.
fn contents(body: &[u8]) -> Result<Vec<String>, FormError> {
    let whole = chunked(body, body.len().max(1));
    for length in 1..body.len().min(20) {
        assert_eq!(
            chunked(body, length),
            whole,
            "in chunks of {length}: {body:?}"
        );
    }
    let text = |part: (_, _, Vec<u8>)| String::from_utf8(part.2).unwrap();
    Ok(whole?.whole.into_iter().map(text).collect())
}

#[test]
fn bodies_are_cut_into_parts_as_python_multipart_cuts_them() {
    let a = "Content-Disposition: form-data; name=a\r\n\r\n";
    for (body, expected) in [
        (format!("--XbX\r\n{a}1\r\n--XbX--"), Ok(vec!["1"])),
        (
            format!("--XbX\r\n{a}1\r\n--XbX--\r\nepilogue"),
            Ok(vec!["1"]),
        ),
        (
            format!("--XbX\r\n{a}1\r\n--XbX--garbage\r\n--XbX\r\n"),
            Ok(vec!["1"]),
        ),
        (format!("\r\n--XbX\r\n{a}1\r\n--XbX--"), Ok(vec!["1"])),
        (
            format!("\r\nwords\n--XbX\r\n{a}1\r\n--XbX--"),
            Ok(vec!["1"]),
        ),
        (
            format!("words\r\n--XbX\r\n{a}1\r\n--XbX--"),
            Err(FormError::NoFirstBoundary),
        ),
        (
            format!("--XbX\r\n{a}1\r\n--XbX\r\n{a}2\r\n--XbX\r\n"),
            Ok(vec!["1", "2"]),
        ),
        (
            format!("--XbX\r\n{a}1\r\n--XbX \t\r\n{a}2\r\n--XbX--"),
            Ok(vec!["1", "2"]),
        ),
        (
            format!("--XbX\r\n{a}1\r\n--XbX x"),
            Err(FormError::UnfinishedBoundary),
        ),
        (
            format!("--XbX \r\n{a}1"),
            Err(FormError::UnfinishedBoundary),
        ),
        (
            format!("--XbX\r\n{a}\r\n--XbY\r\n--XbX-\r\n--XbX\r\r\n--XbX--"),
            Ok(vec!["\r\n--XbY\r\n--XbX-\r\n--XbX\r"]),
        ),
        (
            format!("--XbX\r\n{a}\r\r\n-\r\n--XbX--"),
            Ok(vec!["\r\r\n-"]),
        ),
        (format!("--XbX\r\n{a}1\n--XbX--"), Ok(vec![])),
        (format!("--XbX\r\n{a}not whole"), Ok(vec![])),
        (format!("--XbX\n{a}1"), Err(FormError::UnfinishedBoundary)),
        ("--XbX--".to_owned(), Ok(vec![])),
        (String::new(), Ok(vec![])),
    ] {
        let expected = expected.map(|parts| parts.into_iter().map(str::to_owned).collect());
        assert_eq!(contents(body.as_bytes()), expected, "{body:?}");
    }
}

#[test]
fn headers_are_read_as_python_multipart_reads_them() {
    let read = |headers: &str| {
        let body = format!("--XbX\r\n{headers}\r\n\r\nx\r\n--XbX--");
        contents(body.as_bytes())?;
        let (name, file_name, _) = chunked(body.as_bytes(), 1000)?.whole.remove(0);
        Ok((name, file_name))
    };
    let named = |name: &str| Ok((name.to_owned(), None));
    assert_eq!(read("CONTENT-DISPOSITION:form-data; NAME=a"), named("a"));
    assert_eq!(
        read("X-Other: 1\r\ncontent-disposition: x; name=\"a\"\r\nY:"),
        named("a")
    );
    assert_eq!(
        read("content-disposition: x; name=a\r\ncontent-disposition: x; name=b"),
        named("b"),
        "the last counts"
    );
    assert_eq!(
        read("content-disposition: form-data; filename=\"\"; name=a"),
        Ok(("a".to_owned(), Some(String::new())))
    );
    assert_eq!(read("X: 1"), Err(FormError::Unnamed(1)));
    assert_eq!(
        read("content-disposition: form-data"),
        Err(FormError::Unnamed(1))
    );
    for malformed in [": x", "a b: x", "a\r\n", "a: x\r\n folded", "a: x\ry"] {
        assert_eq!(
            read(malformed),
            Err(FormError::MalformedHeaders(1)),
            "{malformed:?}"
        );
    }
}

#[test]
fn headers_that_do_not_end_and_parts_without_number_are_refused() {
    for endless in ["a", "a: b", "a: ", "a: b\r\n"] {
        let (mut form, mut found) = (parser("XbX"), Collected::default());
        form.feed(b"--XbX\r\n", &mut found).unwrap();
        let many = (0..=MAX_HEADER_BYTES).map(|_| form.feed(endless.as_bytes(), &mut found));
        let refused = many.into_iter().find_map(Result::err);
        assert_eq!(refused, Some(FormError::LongHeaders(1)), "{endless:?}");
    }
    let part = b"Content-Disposition: form-data; name=a\r\n\r\n\r\n--XbX\r\n";
    let (mut form, mut found) = (parser("XbX"), Collected::default());
    form.feed(b"--XbX\r\n", &mut found).unwrap();
    let refused = (0..=MAX_PARTS).find_map(|_| form.feed(part, &mut found).err());
    assert_eq!(refused, Some(FormError::TooManyParts));
}

proptest! {
    #[test]
    fn parts_do_not_depend_on_how_the_body_is_cut(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "\r\n--XbX", "\r\n--Xb", "--XbX", "\r\n", "\r", "\n", "--", "-", " ", "a", "\r\n--XbX\r\n",
                "Content-Disposition: form-data; name=a", "\r\n\r\n", ":", "Content-Disposition: form-data; name=b; filename=\"c\"",
            ]),
            0..30,
        ),
        starts_well in any::<bool>(),
        length in 1_usize..40,
    ) {
        let start = if starts_well { "--XbX\r\nContent-Disposition: form-data; name=a\r\n\r\n" } else { "" };
        let body = start.to_owned() + &pieces.concat();
        prop_assert_eq!(chunked(body.as_bytes(), length), chunked(body.as_bytes(), usize::MAX));
    }
}
