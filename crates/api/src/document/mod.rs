//! The API's own description (OpenAPI 3.1).
//!
//! It is made of the same statements that make the routes ([`Routes`]): none can be without words.

mod doc;
mod schema;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::{StatusCode, header};
use axum::routing::{MethodRouter, delete, get, options, patch, post, put};
use serde_json::{Map, Value, json};

use crate::Inner;
pub(crate) use doc::{Doc, whole_list};
pub(crate) use schema::*;
pub(crate) use views::{OPERATOR_COLUMNS, QUEUE_COLUMNS};

/// Paths, what answers there, and what the document says of it.
pub(crate) struct Routes {
    router: Router<Arc<Inner>>,
    paths: BTreeMap<&'static str, Vec<(&'static str, Doc)>>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), paths: BTreeMap::new() }
    }

    fn add(
        mut self,
        method: &'static str,
        path: &'static str,
        route: MethodRouter<Arc<Inner>>,
        doc: Doc,
    ) -> Self {
        self.router = self.router.route(path, route);
        self.paths.entry(path).or_default().push((method, doc));
        self
    }

    pub(crate) fn get<H, T>(self, path: &'static str, handler: H, doc: Doc) -> Self
    where
        H: Handler<T, Arc<Inner>>,
        T: 'static,
    {
        self.add("get", path, get(handler), doc)
    }

    pub(crate) fn post<H, T>(self, path: &'static str, handler: H, doc: Doc) -> Self
    where
        H: Handler<T, Arc<Inner>>,
        T: 'static,
    {
        self.add("post", path, post(handler), doc)
    }

    pub(crate) fn patch<H, T>(self, path: &'static str, handler: H, doc: Doc) -> Self
    where
        H: Handler<T, Arc<Inner>>,
        T: 'static,
    {
        self.add("patch", path, patch(handler), doc)
    }

    pub(crate) fn put<H, T>(self, path: &'static str, handler: H, doc: Doc) -> Self
    where
        H: Handler<T, Arc<Inner>>,
        T: 'static,
    {
        self.add("put", path, put(handler), doc)
    }

    pub(crate) fn delete<H, T>(self, path: &'static str, handler: H, doc: Doc) -> Self
    where
        H: Handler<T, Arc<Inner>>,
        T: 'static,
    {
        self.add("delete", path, delete(handler), doc)
    }

    /// The routes, each of which also says what it allows (OPTIONS).
    pub(crate) fn finish(mut self) -> Router<Arc<Inner>> {
        for (path, operations) in &self.paths {
            let mut allowed = Vec::new();
            for (method, _) in operations {
                allowed.push(method.to_uppercase());
                allowed.extend((*method == "get").then(|| "HEAD".to_owned()));
            }
            allowed.push("OPTIONS".to_owned());
            let allow = [(header::ALLOW, allowed.join(","))];
            let answer = options(async move || (StatusCode::NO_CONTENT, allow));
            self.router = self.router.route(path, answer);
        }
        self.router
    }

    /// What is said of them.
    pub(crate) fn document(&self, version: &str) -> Value {
        let mut paths = Map::new();
        for (path, operations) in &self.paths {
            // A rest of the path is a name with slashes.
            let path = path.replace("{*", "{");
            let operation = |(method, doc): &(&'static str, Doc)| {
                ((*method).to_owned(), doc.operation(method, &path))
            };
            let operations: Map<String, Value> = operations.iter().map(operation).collect();
            paths.insert(path, operations.into());
        }
        json!({
            "openapi": "3.1.0",
            "info": { "title": "usher", "version": version, "description": ABOUT },
            "security": [{ "token": [] }],
            "paths": paths,
            "components": {
                "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
                "parameters": { "IdempotencyKey": idempotency_key() },
                "schemas": views::all(),
            },
            "webhooks": { "event": views::webhook() },
        })
    }
}

const ABOUT: &str = "Contact centre in one binary. Errors are problem details (RFC 9457). \
    A token has a role (operator, supervisor, admin), and each may do what those before it may; \
    an operator acts in their own calls and for themself. Lists come in pages: `limit`, and \
    `cursor` from `next` of the page before. Times are UTC (RFC 3339), durations seconds.";

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same key with the same body gets the same answer for an hour, and \
            nothing is done again; with another body 422, and 409 while the first is not answered. \
            An answer of 5xx is not kept.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 255,
            "pattern": "^[!#-~]+$" },
    })
}
