use axum::Router;
use utoipa::openapi::schema::{AnyOfBuilder, Schema};
use utoipa::openapi::{self, RefOr};
use utoipa::{OpenApi, ToSchema as _};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::wire::{AnalyzeResponse, DataBody};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "image-embed",
        description = "Analyses one image with a list of tasks, and answers each task by its `operation_id`."
    ),
    // The answers' enums of the handlers name it, which does not put it among the schemas.
    components(schemas(AnalyzeResponse)),
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

/// The document with what the handlers' attributes cannot say.
///
/// A box is a list of numbers as a vector is, and base64 is text as a description is: an operation's answer is of any of its schemas,
/// where `utoipa` writes "of exactly one".
pub(crate) fn complete(mut document: openapi::OpenApi) -> openapi::OpenApi {
    let schemas = document
        .components
        .iter_mut()
        .flat_map(|it| &mut it.schemas);
    for (name, schema) in schemas {
        if let (RefOr::T(Schema::OneOf(of)), true) =
            (&mut *schema, name == DataBody::name().as_ref())
        {
            let mut any_of = AnyOfBuilder::new().description(of.description.take());
            for item in of.items.drain(..) {
                any_of = any_of.item(item);
            }
            *schema = any_of.into();
        }
    }
    document
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
