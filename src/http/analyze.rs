use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use engine::{Model, Stage, Timings};
use utoipa::IntoResponses;

use crate::held::Held;
use crate::http::AppState;
use crate::http::admission::{Deadline, TimeoutHeader};
use crate::http::error::ApiError;
use crate::http::json_body;
use crate::http::pieces_body::PiecesBody;
use crate::http::refusals::{Access, Analysis, AnyRoute, Connections};
use crate::http::upload::{self, Upload, UploadForm};
use crate::metrics::Fetching;
use crate::wire::{self, AnalyzeRequest, AnalyzeResponse, ErrorBody, Request};

/// Names the models of an answer whose weights nobody trained.
const UNTRAINED_MODELS: HeaderName = HeaderName::from_static("x-untrained-models");

/// Says that the image has an EXIF orientation, and that it was not applied.
const EXIF_ORIENTATION: HeaderName = HeaderName::from_static("x-exif-orientation");

/// What the routes that analyse images answer, for the API's documentation.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers to OpenAPI")]
enum Answer {
    /// One result a task
    #[response(
        status = 200,
        headers(
            ("x-untrained-models" = String, description = "Models of this answer whose weights nobody trained: what they say means \
                nothing. Missing when there are none"),
            ("x-ignored-keys" = String, description = "Keys of the request that nobody reads, with what they may have been meant \
                to be. Missing when there are none"),
            ("x-exif-orientation" = String, description = "`ignored; N` where the image has the EXIF orientation N, 2 to 8, and was \
                not turned; `exif_orientation` in the request has it turned"),
        )
    )]
    Analysed(AnalyzeResponse),
}

/// Analyse the image at a URL
///
/// The URL is fetched once, whatever the number of tasks. Trouble with one task is in that task's result; only an
/// image that cannot be had, or a malformed body, is an error of the request.
#[utoipa::path(
    post,
    path = "/analyze_image/",
    tag = "analysis",
    request_body = AnalyzeRequest,
    params(TimeoutHeader),
    responses(
        Answer,
        (status = 400, description = "Malformed body, or no image to be had", body = ErrorBody),
        (status = 415, description = "The body is not JSON", body = ErrorBody),
        AnyRoute, Access, Connections, Analysis,
    )
)]
pub(crate) async fn by_url(
    State(app): State<AppState>,
    Extension(deadline): Extension<Deadline>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    json_body::require_type(&headers)?;
    let mut timings = Timings::default();
    let began = Instant::now();
    // The tasks that are read from it are held until they are answered, and so is its room.
    let json_held = Held::of(&app.encoded_memory);
    let body = json_body::receive(&headers, body, &json_held).await?;
    let read = move |reading| wire::parse_request(&body, reading);
    let asked = json_body::read(&app, read).await?;
    timings.add(Stage::Receive, began.elapsed());

    let began = Instant::now();
    let held = Held::of(&app.encoded_memory);
    let fetching = Fetching::begin(&app.metrics);
    let fetched = app.fetcher.get_held(&asked.image_url, &held).await;
    fetching.end(fetched.as_ref().err());
    let image = fetched?;
    timings.add(Stage::Download, began.elapsed());
    answer(&app, asked, image, &held, deadline, timings).await
}

/// Analyse an uploaded image
///
/// As `/analyze_image/`, with the image in the request. `image_url` in the answer is `uploaded:<filename>`.
#[utoipa::path(
    post,
    path = "/analyze_image_upload/",
    tag = "analysis",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    params(TimeoutHeader),
    responses(
        Answer,
        (status = 400, description = "Malformed form, or not an image", body = ErrorBody),
        AnyRoute, Access, Connections, Analysis,
    )
)]
pub(crate) async fn by_upload(
    State(app): State<AppState>,
    Extension(deadline): Extension<Deadline>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let mut timings = Timings::default();
    let began = Instant::now();
    let held = Held::of(&app.encoded_memory);
    let Upload {
        file_name,
        image,
        tasks_json,
        exif_orientation,
    } = upload::read(&headers, body, app.limits.max_image_bytes, &held).await?;
    let read = move |reading| wire::parse_tasks(&tasks_json, reading);
    let mut asked = json_body::read(&app, read)
        .await
        .map_err(|error| error.within("tasks_json"))?;
    asked.image_url = format!("uploaded:{file_name}");
    asked.exif_orientation = exif_orientation;
    timings.add(Stage::Receive, began.elapsed());
    answer(&app, asked, image, &held, deadline, timings).await
}

async fn answer(
    app: &AppState,
    asked: Request,
    image: Bytes,
    _held: &Held,
    Deadline(deadline): Deadline,
    mut timings: Timings,
) -> Result<Response, ApiError> {
    let analysis = app
        .engine
        .analyze(image, &asked.tasks, asked.exif_orientation, Some(deadline))
        .await?;
    timings.extend(&analysis.timings);
    let untrained = untrained_models(&analysis.untrained);
    let ignored_orientation = analysis.ignored_orientation;
    let json = wire::pieces(AnalyzeResponse::new(
        asked.image_url,
        analysis,
        app.limits.max_crop_bytes,
    ))
    .map_err(|error| {
        tracing::error!(%error, "an answer could not be written as JSON");
        ApiError::Internal
    })?;
    let json_type = [(header::CONTENT_TYPE, "application/json")];
    let body = Body::new(PiecesBody::new(json));
    let mut response = (Extension(timings), json_type, body).into_response();
    if let Some(models) = untrained {
        response.headers_mut().insert(UNTRAINED_MODELS, models);
    }
    if let Some(orientation) = ignored_orientation {
        let value = HeaderValue::try_from(format!("ignored; {orientation}"));
        response
            .headers_mut()
            .extend(value.ok().map(|value| (EXIF_ORIENTATION, value)));
    }
    if let Some(keys) = json_body::ignored_keys(&asked.ignored) {
        response.headers_mut().insert(json_body::IGNORED_KEYS, keys);
    }
    Ok(response)
}

fn untrained_models(models: &[Model]) -> Option<HeaderValue> {
    let names: Vec<_> = models.iter().map(|model| model.name()).collect();
    let names = HeaderValue::try_from(names.join(", ")).ok()?;
    (!names.is_empty()).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrained_models_are_named_in_a_header_and_trained_ones_are_not() {
        assert_eq!(untrained_models(&[]), None);
        let names = ["clip-vit-b-32", "dinov2-vit-b-14"];
        let both = names.map(|name| name.parse().unwrap());
        assert_eq!(untrained_models(&both).unwrap(), names.join(", "));
    }
}
