//! The dashboard's files, embedded: no CDN, works offline.
//!
//! uPlot 1.6.32 (MIT, its licence beside it) draws the charts. The content security policy lets a page load from here only, so that what a
//! monitored server says can never become a script.

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /`
pub async fn index() -> Response {
    file("text/html; charset=utf-8", include_str!("../../assets/index.html"))
}

/// `GET /assets/app.js`
pub async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("../../assets/app.js"))
}

/// `GET /assets/console.js`
pub async fn console() -> Response {
    file("text/javascript; charset=utf-8", include_str!("../../assets/console.js"))
}

/// `GET /assets/style.css`
pub async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("../../assets/style.css"))
}

/// `GET /assets/uplot.js`
pub async fn uplot_script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("../../assets/uplot.js"))
}

/// `GET /assets/uplot.css`
pub async fn uplot_style() -> Response {
    file("text/css; charset=utf-8", include_str!("../../assets/uplot.css"))
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
