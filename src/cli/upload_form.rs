use uuid::Uuid;

/// The form that `/analyze_image_upload/` reads, as a client sends it.
pub(super) struct UploadForm {
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

impl UploadForm {
    /// `fields` are text; the image follows them.
    pub(super) fn new(file_name: &str, image: &[u8], fields: &[(&str, &str)]) -> Self {
        // Random, so that no image holds it.
        let boundary = Uuid::new_v4().simple();
        let fields = fields.iter().map(|(name, text)| {
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n"
            )
        });
        let fields: String = fields.collect();
        let head = format!(
            "{fields}--{boundary}\r\nContent-Disposition: form-data; name=\"image_file\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            escaped(file_name)
        );
        let tail = format!("\r\n--{boundary}--\r\n");
        Self {
            content_type: format!("multipart/form-data; boundary={boundary}"),
            body: [head.as_bytes(), image, tail.as_bytes()].concat(),
        }
    }
}

/// As browsers do it: the HTML standard, "multipart/form-data encoding algorithm".
fn escaped(file_name: &str) -> String {
    file_name
        .replace('\n', "%0A")
        .replace('\r', "%0D")
        .replace('"', "%22")
}

#[cfg(test)]
mod tests {
    use super::UploadForm;

    #[test]
    fn a_file_s_name_cannot_end_its_header() {
        let form = UploadForm::new(
            "a\"\r\nX: y\r\n\r\n.jpg",
            b"\xff\xd8",
            &[("tasks_json", "[]")],
        );
        let text = String::from_utf8_lossy(&form.body);
        assert!(
            text.contains("filename=\"a%22%0D%0AX: y%0D%0A%0D%0A.jpg\"\r\n"),
            "{text}"
        );
        let (_, boundary) = form.content_type.split_once("boundary=").unwrap();
        assert!(text.ends_with(&format!("\r\n--{boundary}--\r\n")));
    }
}
