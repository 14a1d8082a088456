//! The form of `POST /analyze_image_upload/`.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use imaging::ExifOrientation;
use tower_http::timeout::TimeoutError;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use crate::held::Held;
use crate::http::error::{ApiError, caused_by};
use crate::http::form::{Charset, ContentType, FormError, Multipart, PartHead, Parts};
use crate::received::Received;
use crate::wire::{self, EXIF_ORIENTATION, MAX_JSON_BYTES};

/// Bytes of a form besides its image and its tasks: headers, boundaries, fields that nobody reads.
const MAX_OTHER_BYTES: usize = 4 << 20;

/// Bytes that the fields' buffers may have beside what is in them.
const SLACK: usize = 4 * Received::SLACK;

/// Bytes of a field that is one word.
const MAX_WORD_BYTES: usize = 100;

/// The form of `POST /analyze_image_upload/`; for the API's documentation only, the fields are read as they arrive.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form to OpenAPI")]
pub(crate) struct UploadForm {
    /// The image: JPEG, PNG, WebP, AVIF, GIF, BMP, TIFF, JPEG 2000, JPEG XL and others, see docs/formats.md.
    #[schema(value_type = String, format = Binary)]
    image_file: Vec<u8>,
    /// A JSON list of tasks, as `tasks` in `/analyze_image/`.
    #[schema(
        content_media_type = "application/json",
        example = r#"[{"operation_id": "face", "type": "detect_bounding_box", "params": {"target": "prominent_face", "face_context": "whole_image"}}, {"operation_id": "clip", "type": "embed_clip_vit_b_32"}]"#
    )]
    tasks_json: String,
    #[schema(required = false, schema_with = orientation)]
    exif_orientation: Option<String>,
}

/// An empty field counts as none, as with FastAPI.
fn orientation() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["apply", "ignore", ""]))
        .description(Some(EXIF_ORIENTATION))
        .examples(["apply"])
        .build()
}

/// What an upload carries.
pub(crate) struct Upload {
    pub(crate) file_name: String,
    pub(crate) image: Bytes,
    pub(crate) tasks_json: Bytes,
    pub(crate) exif_orientation: Option<ExifOrientation>,
}

/// Reads the form's two fields, in any order. Others are passed over, and of two with one name the last counts, as with FastAPI.
pub(crate) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    max_image_bytes: usize,
    held: &Held,
) -> Result<Upload, ApiError> {
    let content_type = headers.get(header::CONTENT_TYPE);
    let content_type = content_type.map_or(&b""[..], |value| value.as_bytes());
    let content_type = ContentType::read(content_type)?;
    let limit = max_image_bytes.saturating_add(MAX_JSON_BYTES + MAX_OTHER_BYTES);
    let too_large = || ApiError::TooLarge {
        what: "form",
        limit,
        setting: Some("--max-image-bytes"),
    };
    // Said in advance, or counted.
    if declared_length(headers) > limit as u64 {
        return Err(too_large());
    }
    let mut form = Multipart::new(&content_type);
    let mut fields = Fields::new(max_image_bytes);
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(|error| unreadable(&error))?.into_data() else {
            continue;
        };
        bytes += chunk.len();
        if bytes > limit {
            return Err(too_large());
        }
        held.grow_to((bytes + SLACK) as u64).await?;
        form.feed(&chunk, &mut fields)?;
    }
    fields.finish(content_type.charset, form.has_ended())
}

/// The body's length as the client says it, which no layer over the body keeps; nothing is 0.
pub(crate) fn declared_length(headers: &HeaderMap) -> u64 {
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
    length.unwrap_or(0)
}

fn unreadable(error: &axum::Error) -> ApiError {
    if caused_by::<TimeoutError>(error) {
        return ApiError::Stalled;
    }
    ApiError::Malformed(format!("the form could not be read: {error}"))
}

impl From<FormError> for ApiError {
    fn from(error: FormError) -> Self {
        Self::Malformed(format!("the form could not be read: {error}"))
    }
}

/// The fields that are read, so far.
struct Fields {
    max_image_bytes: usize,
    image: Option<Field>,
    tasks_json: Option<Field>,
    exif_orientation: Option<Field>,
    open: Option<(Name, Field)>,
}

#[derive(Clone, Copy)]
enum Name {
    ImageFile,
    TasksJson,
    ExifOrientation,
}

#[derive(Default)]
struct Field {
    file_name: Option<Vec<u8>>,
    content: Received,
}

impl Fields {
    fn new(max_image_bytes: usize) -> Self {
        Self {
            max_image_bytes,
            image: None,
            tasks_json: None,
            exif_orientation: None,
            open: None,
        }
    }

    fn field(&mut self, name: Name) -> &mut Option<Field> {
        match name {
            Name::ImageFile => &mut self.image,
            Name::TasksJson => &mut self.tasks_json,
            Name::ExifOrientation => &mut self.exif_orientation,
        }
    }

    fn finish(self, charset: Charset, has_ended: bool) -> Result<Upload, ApiError> {
        // A form that was cut off lacks a field, but that is not what is wrong with it.
        let missing = |name: &'static str| {
            ApiError::Malformed(match has_ended {
                true => format!("{name}: form field required"),
                false => format!("{name}: form field required; the form has no last boundary"),
            })
        };
        let image = self.image.ok_or_else(|| missing("image_file"))?;
        let Some(file_name) = image.file_name else {
            return Err(ApiError::Malformed(
                "image_file: must be a file, with a file name".to_owned(),
            ));
        };
        // What a browser sends where no file was chosen.
        if file_name.is_empty() && image.content.is_empty() {
            return Err(missing("image_file"));
        }
        let exif_orientation = match self.exif_orientation {
            // An empty field counts as none, as with FastAPI.
            Some(field) if !field.content.is_empty() => {
                let name = charset.decode(&field.content.join());
                wire::orientation_named(&name.into())?
            }
            _ => None,
        };
        let tasks_json = self
            .tasks_json
            .map(|field| text(field.content.join(), charset));
        let tasks_json = tasks_json.filter(|json| !json.is_empty());
        Ok(Upload {
            file_name: charset.decode(&file_name),
            image: image.content.join(),
            tasks_json: tasks_json.ok_or_else(|| missing("tasks_json"))?,
            exif_orientation,
        })
    }
}

/// JSON as a form's text. What has zeros is UTF-16 or UTF-32, which is told later.
fn text(json: Bytes, charset: Charset) -> Bytes {
    let is_utf_8 = charset == Charset::Utf8 && std::str::from_utf8(&json).is_ok();
    if is_utf_8 || memchr::memchr(0, &json).is_some() {
        return json;
    }
    charset.decode(&json).into()
}

impl Parts for Fields {
    type Error = ApiError;

    fn begin(&mut self, head: PartHead) -> Result<(), ApiError> {
        let name = match &head.name[..] {
            b"image_file" => Name::ImageFile,
            b"tasks_json" => Name::TasksJson,
            b"exif_orientation" => Name::ExifOrientation,
            _ => return Ok(()),
        };
        let field = Field {
            file_name: head.file_name,
            ..Field::default()
        };
        self.open = Some((name, field));
        Ok(())
    }

    fn data(&mut self, more: &[u8]) -> Result<(), ApiError> {
        let Some((name, field)) = &mut self.open else {
            return Ok(());
        };
        let (what, limit, setting) = match name {
            Name::ImageFile => ("image", self.max_image_bytes, Some("--max-image-bytes")),
            Name::TasksJson => ("tasks_json", MAX_JSON_BYTES, None),
            Name::ExifOrientation => ("exif_orientation", MAX_WORD_BYTES, None),
        };
        if more.len() > limit - field.content.len() {
            return Err(ApiError::TooLarge {
                what,
                limit,
                setting,
            });
        }
        field.content.push(more);
        Ok(())
    }

    fn end(&mut self) {
        if let Some((name, field)) = self.open.take() {
            *self.field(name) = Some(field);
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use engine::MemoryPool;

    use super::*;

    /// The form as it arrives at the router, in chunks.
    #[tokio::test]
    async fn an_upload_takes_of_the_memory_for_requests_what_its_buffers_may_hold() {
        let pool = MemoryPool::new(8 << 20);
        let image = vec![7; (1 << 20) + 1];
        let mut form =
            b"--X\r\nContent-Disposition: form-data; name=image_file; filename=i\r\n\r\n".to_vec();
        form.extend(&image);
        form.extend(
            b"\r\n--X\r\nContent-Disposition: form-data; name=tasks_json\r\n\r\n[]\r\n--X--",
        );
        let kind = HeaderValue::from_static("multipart/form-data; boundary=X");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]);
        let held = Held::of(&pool);
        let length = form.len();
        let upload = read(&headers, Body::from(form), 2 << 20, &held).await;
        let upload = upload.unwrap();
        assert_eq!(
            (&upload.image[..], &upload.tasks_json[..]),
            (&image[..], &b"[]"[..])
        );
        let counted = pool.bytes() - pool.free();
        assert!(counted >= (length + SLACK) as u64, "{counted} of {length}");
        drop(held);
        assert_eq!(pool.free(), pool.bytes());
    }
}
