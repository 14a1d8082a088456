use axum::Router;
use utoipa::OpenApi;
use utoipa::openapi;
use utoipa_swagger_ui::{Config, SwaggerUi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "image-embed",
        description = "Analyses one image with a list of tasks, and answers each task by its `operation_id`."
    ),
    tags(
        (name = "analysis", description = "Images and tasks in, results out"),
        (name = "service", description = "What the service can do, and how it is"),
    )
)]
struct Head;

/// The document's head; the router adds the paths.
pub(crate) fn head() -> openapi::OpenApi {
    Head::openapi()
}

/// `/openapi.json`, and a page on `/docs` that shows it with no asset from outside.
pub(crate) fn docs<S: Clone + Send + Sync + 'static>(document: openapi::OpenApi) -> Router<S> {
    // Swagger UI would ask a public validator about a document that is not on localhost.
    let config = Config::default().validator_url("none");
    SwaggerUi::new("/docs")
        .url("/openapi.json", document)
        .config(config)
        .into()
}
