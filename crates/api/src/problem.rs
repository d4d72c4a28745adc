//! Everything that goes wrong, as RFC 9457 says it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::ports::RecordsError;

/// An error response.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    /// Which field, and what about it.
    errors: Vec<(String, String)>,
    header: Option<(&'static str, &'static str)>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), errors: Vec::new(), header: None }
    }

    /// 401: no token, or none that we know.
    pub(crate) fn unauthorized(detail: &str) -> Self {
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, detail);
        problem.header = Some(("www-authenticate", "Bearer"));
        problem
    }

    /// 403: the token does not reach that far.
    pub(crate) fn forbidden(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 404.
    pub(crate) fn not_found(what: &str, name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("no such {what}: {name}"))
    }

    /// 422, naming the fields; nothing was changed.
    pub(crate) fn fields(errors: Vec<(String, String)>) -> Self {
        let detail = match &errors[..] {
            [(field, what)] => format!("{field}: {what}"),
            _ => "several fields are wrong".to_owned(),
        };
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    /// 422 for one field.
    pub(crate) fn field(field: &str, what: impl Into<String>) -> Self {
        Self::fields(vec![(field.to_owned(), what.into())])
    }

    /// 503: try again soon.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        problem.header = Some(("retry-after", "1"));
        problem
    }

    /// Adds what is wrong in particular.
    pub(crate) fn with_errors(mut self, errors: Vec<(String, String)>) -> Self {
        self.errors = errors;
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if !self.errors.is_empty() {
            let error = |(field, detail)| json!({ "field": field, "detail": detail });
            body["errors"] = self.errors.into_iter().map(error).collect();
        }
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (self.status, kind, body.to_string()).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl From<b2bua::Problem> for Problem {
    fn from(problem: b2bua::Problem) -> Self {
        match problem {
            b2bua::Problem::NotFound { what, name } => Self::not_found(what, &name),
            b2bua::Problem::Forbidden(detail) => Self::forbidden(&detail),
            b2bua::Problem::Field { field, what } => Self::field(field, what),
            b2bua::Problem::Conflict(detail) => Self::new(StatusCode::CONFLICT, detail),
            b2bua::Problem::Invalid(detail) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail),
            b2bua::Problem::Busy(detail) => Self::unavailable(detail),
        }
    }
}

impl From<RecordsError> for Problem {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Cursor => Self::field("cursor", error.to_string()),
            RecordsError::Unavailable(why) => {
                tracing::error!(why, "records cannot be read");
                Self::unavailable("records cannot be read now")
            }
        }
    }
}
