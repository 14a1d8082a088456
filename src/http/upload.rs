use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use bytes::{Bytes, BytesMut};
use tower_http::timeout::TimeoutError;
use utoipa::ToSchema;

use crate::http::error::{ApiError, caused_by};
use crate::wire::MAX_JSON_BYTES;

/// The form of `POST /analyze_image_upload/`; for the API's documentation only, the fields are read as they arrive.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form to OpenAPI")]
pub(crate) struct UploadForm {
    /// The image: JPEG, PNG, WebP, AVIF, GIF, BMP, TIFF, JPEG 2000, JPEG XL and others, see docs/formats.md.
    #[schema(value_type = String, format = Binary)]
    image_file: Vec<u8>,
    /// A JSON list of tasks, as `tasks` in `/analyze_image/`.
    #[schema(
        example = r#"[{"operation_id": "face", "type": "detect_bounding_box", "params": {"target": "prominent_face", "face_context": "whole_image"}}, {"operation_id": "clip", "type": "embed_clip_vit_b_32"}]"#
    )]
    tasks_json: String,
}

/// What an upload carries.
pub(crate) struct Upload {
    pub(crate) file_name: String,
    pub(crate) image: Bytes,
    pub(crate) tasks_json: Bytes,
}

/// Reads the form's two fields, in either order; others are passed over, as FastAPI does.
pub(crate) async fn read(mut form: Multipart, max_image_bytes: usize) -> Result<Upload, ApiError> {
    let (mut image, mut tasks_json) = (None, None);
    while let Some(field) = form.next_field().await.map_err(|error| malformed(&error))? {
        match field.name() {
            Some("image_file") if image.is_none() => {
                let Some(name) = field.file_name().map(str::to_owned) else {
                    return Err(ApiError::Malformed(
                        "image_file: must be a file, with a file name".to_owned(),
                    ));
                };
                image = Some((name, collect(field, "image", max_image_bytes).await?));
            }
            Some("tasks_json") if tasks_json.is_none() => {
                tasks_json = Some(collect(field, "tasks_json", MAX_JSON_BYTES).await?);
            }
            Some(name @ ("image_file" | "tasks_json")) => {
                return Err(ApiError::Malformed(format!("{name}: given more than once")));
            }
            _ => {}
        }
    }
    let (file_name, image) = image.ok_or_else(|| missing("image_file"))?;
    let tasks_json = tasks_json.ok_or_else(|| missing("tasks_json"))?;
    Ok(Upload {
        file_name,
        image,
        tasks_json,
    })
}

fn missing(field: &str) -> ApiError {
    ApiError::Malformed(format!("{field}: form field required"))
}

async fn collect(
    mut field: Field<'_>,
    what: &'static str,
    limit: usize,
) -> Result<Bytes, ApiError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| malformed(&error))? {
        if bytes.len() + chunk.len() > limit {
            return Err(ApiError::TooLarge { what, limit });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn malformed(error: &MultipartError) -> ApiError {
    if caused_by::<TimeoutError>(error) {
        return ApiError::Stalled;
    }
    ApiError::Malformed(format!("the form could not be read: {}", error.body_text()))
}
