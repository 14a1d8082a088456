use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::error::ApiError;

/// Connections beyond the limit, so that whoever asks after the server's health still has an answer.
pub(super) const SPARE: usize = 16;
/// A client on a spare connection has less time to send its request's head.
pub(super) const SPARE_HEADER_TIMEOUT: Duration = Duration::from_secs(2);

/// Places for connections: so many, and a few spare ones.
pub(super) struct Places {
    regular: Arc<Semaphore>,
    spare: Arc<Semaphore>,
}

/// A connection's place, given back when it is dropped.
pub(super) struct Place {
    is_spare: bool,
    _permit: OwnedSemaphorePermit,
}

/// Comes with every request on a spare connection.
#[derive(Clone, Copy)]
pub(super) struct OnSpareConnection;

impl Places {
    pub(super) fn new(connections: usize) -> Self {
        Self {
            regular: Arc::new(Semaphore::new(connections)),
            spare: Arc::new(Semaphore::new(SPARE)),
        }
    }

    /// A place, if there is one.
    pub(super) fn free(&self) -> Option<Place> {
        let place = |places: &Arc<Semaphore>, is_spare| {
            let _permit = Arc::clone(places).try_acquire_owned().ok()?;
            Some(Place { is_spare, _permit })
        };
        place(&self.regular, false).or_else(|| place(&self.spare, true))
    }
}

impl Place {
    pub(super) fn is_spare(&self) -> bool {
        self.is_spare
    }
}

/// Refuses a request on a spare connection.
pub(super) async fn refuse_on_spare_connection(
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    match request.extensions().get::<OnSpareConnection>() {
        Some(OnSpareConnection) => Err(ApiError::TooManyConnections),
        None => Ok(next.run(request).await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spare_places_come_last_and_a_freed_one_is_given_again() {
        let places = Places::new(1);
        let first = places.free().unwrap();
        assert!(!first.is_spare());
        let spare: Vec<_> = std::iter::from_fn(|| places.free()).collect();
        assert_eq!(spare.len(), SPARE);
        assert!(spare.iter().all(Place::is_spare));
        drop(first);
        assert!(!places.free().unwrap().is_spare());
    }
}
