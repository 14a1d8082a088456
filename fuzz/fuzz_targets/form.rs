//! Forms from a stranger: whatever is read does not depend on how the body is cut, and no part is larger than the body.

#![no_main]

use image_embed::http::form::{ContentType, FormError, Multipart, PartHead, Parts};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Default, PartialEq)]
struct Collected {
    parts: Vec<(PartHead, Vec<u8>)>,
    whole: usize,
}

impl Parts for Collected {
    type Error = FormError;

    fn begin(&mut self, head: PartHead) -> Result<(), FormError> {
        assert_eq!(self.parts.len(), self.whole, "one part at a time");
        self.parts.push((head, Vec::new()));
        Ok(())
    }

    fn data(&mut self, more: &[u8]) -> Result<(), FormError> {
        self.parts.last_mut().unwrap().1.extend_from_slice(more);
        Ok(())
    }

    fn end(&mut self) {
        self.whole += 1;
        assert_eq!(self.parts.len(), self.whole);
    }
}

fuzz_target!(|input: (Vec<u8>, Vec<u8>, Vec<u8>)| {
    let (content_type, body, cuts) = input;
    // Half of them with a type that is one.
    let content_type = match content_type.first() {
        Some(byte) if byte % 2 == 0 => ContentType::read(&content_type),
        _ => ContentType::read(b"multipart/form-data; boundary=X"),
    };
    let Ok(content_type) = content_type else {
        return;
    };
    let read = |mut cuts: &[u8]| {
        let (mut form, mut parts) = (Multipart::new(&content_type), Collected::default());
        let mut rest = &body[..];
        while !rest.is_empty() {
            let length = cuts.split_off_first().map_or(rest.len(), |&cut| usize::from(cut).max(1));
            let (chunk, after) = rest.split_at(length.min(rest.len()));
            form.feed(chunk, &mut parts)?;
            rest = after;
        }
        Ok::<_, FormError>(parts)
    };
    let whole = read(&[]);
    assert_eq!(read(&cuts), whole);
    if let Ok(found) = whole {
        let bytes: usize = found.parts.iter().map(|(head, content)| head.name.len() + content.len()).sum();
        assert!(bytes <= body.len());
    }
});
