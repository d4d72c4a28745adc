//! What the API says of itself: the document for programs, a page for people.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::Inner;
use crate::document::{Doc, Routes};

/// Nothing but what is in it, and the document.
const POLICY: &str = "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; \
    style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

pub(super) fn routes(routes: Routes) -> Routes {
    let object = serde_json::json!({ "type": "object" });
    let document_doc = Doc::new("This document").open().answers(200, "OpenAPI 3.1", object);
    let page_doc =
        Doc::new("A page that shows it").open().answers_file(200, "The page", "text/html");
    routes.get("/openapi.json", document, document_doc).get("/docs", page, page_doc)
}

async fn document(State(inner): State<Arc<Inner>>) -> Response {
    // Some megabytes while it is made, and most nodes are never asked.
    let made = || super::all().document(&inner.settings.version).to_string().into();
    let document = inner.document.get_or_init(made).clone();
    ([(header::CONTENT_TYPE, "application/json")], document).into_response()
}

async fn page() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, include_str!("description.html")).into_response()
}
