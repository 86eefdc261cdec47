//! The body of a POST: JSON, small, and here in time.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Bytes of a body: a command of the console fits.
const MAX_BODY: usize = 64 * 1024;
/// For the body to arrive.
const BODY_TIME: Duration = Duration::from_secs(5);

/// A JSON body. Another content type is refused: a browser sends JSON to a foreign site only if that agrees, and this one never does.
pub struct Posted<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Posted<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let kind =
            request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some("application/json") {
            return Err(
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json\n").into_response()
            );
        }
        let body = tokio::time::timeout(BODY_TIME, to_bytes(request.into_body(), MAX_BODY)).await;
        let body = match body {
            Ok(Ok(body)) => body,
            Ok(Err(_)) => {
                return Err((StatusCode::PAYLOAD_TOO_LARGE, "the body is too long\n").into_response());
            }
            Err(_) => return Err((StatusCode::REQUEST_TIMEOUT, "the body did not arrive\n").into_response()),
        };
        let wrong =
            |error: serde_json::Error| (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response();
        serde_json::from_slice(&body).map(Posted).map_err(wrong)
    }
}
