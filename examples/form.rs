//! Reads forms from standard input and writes what they carry, a line of JSON a form: for comparing with Starlette's parser.
//!
//! A form is three numbers (u32, little-endian: bytes of the content type, bytes of the body, the longest chunk), the content type and the body.

use std::io::{self, Read, Write as _};

use image_embed::http::form::{Charset, ContentType, FormError, Multipart, PartHead, Parts};
use serde_json::{Value, json};

/// Name, file name and content of each part that is whole.
struct Collected {
    charset: Charset,
    whole: Vec<Value>,
    open: Option<(String, Option<String>)>,
    content: Vec<u8>,
}

impl Parts for Collected {
    type Error = FormError;

    fn begin(&mut self, head: PartHead) -> Result<(), FormError> {
        let text = |bytes: Vec<u8>| self.charset.decode(&bytes);
        self.open = Some((text(head.name), head.file_name.map(text)));
        self.content.clear();
        Ok(())
    }

    fn data(&mut self, more: &[u8]) -> Result<(), FormError> {
        self.content.extend_from_slice(more);
        Ok(())
    }

    fn end(&mut self) {
        if let Some((name, file_name)) = self.open.take() {
            // Latin-1 writes any bytes as text.
            let content = match file_name {
                Some(_) => Charset::Latin1.decode(&self.content),
                None => self.charset.decode(&self.content),
            };
            self.whole.push(json!([name, file_name, content]));
        }
    }
}

fn read(content_type: &[u8], body: &[u8], chunk: usize) -> Result<Vec<Value>, FormError> {
    let content_type = ContentType::read(content_type)?;
    let mut form = Multipart::new(&content_type);
    let mut parts = Collected {
        charset: content_type.charset,
        whole: Vec::new(),
        open: None,
        content: Vec::new(),
    };
    for chunk in body.chunks(chunk.max(1)) {
        form.feed(chunk, &mut parts)?;
    }
    Ok(parts.whole)
}

fn main() -> io::Result<()> {
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input)?;
    let mut rest = &input[..];
    let mut out = io::stdout().lock();
    while !rest.is_empty() {
        let mut numbers = [0; 3];
        for number in &mut numbers {
            let mut bytes = [0; 4];
            rest.read_exact(&mut bytes)?;
            *number = u32::from_le_bytes(bytes) as usize;
        }
        let (content_type, after) = rest.split_at(numbers[0]);
        let (body, after) = after.split_at(numbers[1]);
        rest = after;
        let line = match read(content_type, body, numbers[2]) {
            Ok(parts) => json!({ "parts": parts }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(out, "{line}")?;
    }
    Ok(())
}
