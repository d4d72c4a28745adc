//! What the document says of one operation.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::schema::{Schema, any_text, count, list, named, or_null, shown, text, whole};
use crate::query::{LIMIT, LIMIT_MAX};
use crate::settings::Role;

/// One operation: what it does, who may do it, what it takes and what it answers.
#[derive(Debug, Clone)]
pub(crate) struct Doc {
    about: &'static str,
    more: &'static str,
    /// Nobody need say who they are where there is none.
    role: Option<Role>,
    query: Vec<(&'static str, Schema, &'static str)>,
    /// Parameters of the query that must be there.
    needed: Vec<&'static str>,
    body: Option<Taken>,
    answers: Vec<(u16, &'static str, Option<Form>)>,
    problems: Vec<u16>,
}

/// What an answer has: its media type, and what of that.
type Form = (&'static str, Schema);

/// A body.
#[derive(Debug, Clone)]
struct Taken {
    kind: &'static str,
    schema: Schema,
    required: bool,
}

const JSON: &str = "application/json";

impl Doc {
    /// For every token.
    pub(crate) fn new(about: &'static str) -> Self {
        let (query, needed, answers, problems) = Default::default();
        let (role, body) = (Some(Role::Operator), None);
        Self { about, more: "", role, query, needed, body, answers, problems }
    }

    /// What else is to be known.
    pub(crate) fn more(mut self, more: &'static str) -> Self {
        self.more = more;
        self
    }

    /// Needs no token.
    pub(crate) fn open(mut self) -> Self {
        self.role = None;
        self
    }

    /// For this role and those above.
    pub(crate) fn of(mut self, role: Role) -> Self {
        self.role = Some(role);
        self
    }

    /// A parameter of the query.
    pub(crate) fn query(mut self, name: &'static str, schema: Schema, about: &'static str) -> Self {
        self.query.push((name, schema, about));
        self
    }

    /// A parameter of the query without which nothing is done.
    pub(crate) fn needs(mut self, name: &'static str, schema: Schema, about: &'static str) -> Self {
        self.needed.push(name);
        self.query(name, schema, about)
    }

    /// Takes a JSON object.
    pub(crate) fn takes(mut self, schema: Schema) -> Self {
        self.body = Some(Taken { kind: JSON, schema, required: true });
        self
    }

    /// Takes a JSON object, or nothing.
    pub(crate) fn may_take(mut self, schema: Schema) -> Self {
        self.body = Some(Taken { kind: JSON, schema, required: false });
        self
    }

    /// Takes something else.
    pub(crate) fn takes_file(mut self, kind: &'static str) -> Self {
        let schema = json!({ "type": "string", "format": "binary" });
        self.body = Some(Taken { kind, schema, required: true });
        self
    }

    /// Answers with JSON.
    pub(crate) fn answers(mut self, status: u16, about: &'static str, schema: Schema) -> Self {
        self.answers.push((status, about, Some((JSON, schema))));
        self
    }

    /// Answers with something else.
    pub(crate) fn answers_file(
        mut self,
        status: u16,
        about: &'static str,
        kind: &'static str,
    ) -> Self {
        self.answers.push((status, about, Some((kind, json!({ "type": "string" })))));
        self
    }

    /// Answers with nothing but a status.
    pub(crate) fn done(mut self, status: u16, about: &'static str) -> Self {
        self.answers.push((status, about, None));
        self
    }

    /// A page of a list of these.
    pub(crate) fn page(self, of: &str) -> Self {
        let cursor = or_null(&text());
        let page = shown(vec![("items", list(&named(of))), ("next", cursor)]);
        self.query("limit", whole(1, LIMIT_MAX as u64), "How many at most")
            .query("cursor", any_text(), "`next` of the page before")
            .answers(200, "A page; `next` is null on the last one", page)
    }

    /// May answer with this problem, beside those that follow from the rest.
    pub(crate) fn problem(mut self, status: u16) -> Self {
        self.problems.push(status);
        self
    }

    /// The operation as the document has it.
    pub(super) fn operation(&self, method: &str, path: &str) -> Value {
        let group = path.trim_start_matches("/v1/").trim_start_matches('/');
        let group = group.split('/').next().unwrap_or_default();
        let mut operation = json!({
            "operationId": operation_id(method, path),
            "tags": [group],
            "summary": self.about,
            "parameters": self.parameters(method, path),
            "responses": self.responses(method, path),
        });
        let role = self.role.map(|role| format!("Role: {}.", role.as_str()));
        let words = [Some(self.more.to_owned()), role].into_iter().flatten();
        let words: Vec<String> = words.filter(|words| !words.is_empty()).collect();
        if !words.is_empty() {
            operation["description"] = words.join("\n\n").into();
        }
        if self.role.is_none() {
            operation["security"] = json!([]);
        }
        if let Some(Taken { kind, schema, required }) = &self.body {
            operation["requestBody"] =
                json!({ "required": required, "content": { *kind: { "schema": schema } } });
        }
        operation
    }

    fn parameters(&self, method: &str, path: &str) -> Vec<Value> {
        let within = path_names(path)
            .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": text() }));
        let query = self.query.iter().map(|(name, schema, about)| {
            let mut schema = schema.clone();
            if *name == "limit" {
                schema["default"] = LIMIT.into();
            }
            let needed = self.needed.contains(name);
            json!({
                "name": name, "in": "query", "description": about, "required": needed,
                "schema": schema,
            })
        });
        let key = self
            .has_key(method)
            .then(|| json!({ "$ref": "#/components/parameters/IdempotencyKey" }));
        within.chain(query).chain(key).collect()
    }

    /// Whether `Idempotency-Key` means something.
    fn has_key(&self, method: &str) -> bool {
        method == "post" && self.role.is_some()
    }

    fn responses(&self, method: &str, path: &str) -> Map<String, Value> {
        let mut responses = Map::new();
        for (status, about, content) in &self.answers {
            let mut response = json!({ "description": about });
            if let Some((kind, schema)) = content {
                // One status may have several forms.
                let before = responses.get(&status.to_string()).cloned();
                let mut all = before.map_or(json!({}), |before| before["content"].clone());
                all[*kind] = json!({ "schema": schema });
                response["content"] = all;
            }
            responses.insert(status.to_string(), response);
        }
        for status in self.problems(method, path) {
            let reason = StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
            let problem = json!({
                "description": reason.unwrap_or("Error"),
                "content": { "application/problem+json": { "schema": named("Problem") } },
            });
            responses.entry(status.to_string()).or_insert(problem);
        }
        responses
    }

    /// Which problems there may be.
    fn problems(&self, method: &str, path: &str) -> Vec<u16> {
        let mut found = self.problems.clone();
        if self.role.is_some() {
            found.extend([401, 403, 422, 503]);
        }
        if path_names(path).next().is_some() {
            found.extend([400, 404]);
        }
        if self.body.is_some() {
            found.extend([400, 413, 422]);
        }
        if self.has_key(method) {
            found.extend([400, 409]);
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The names between braces.
fn path_names(path: &str) -> impl Iterator<Item = &str> {
    let parts = path.split('/');
    parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// `post_calls_call_play`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words = words.filter(|word| *word != "v1");
    core::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

/// A list that comes whole.
pub(crate) fn whole_list(of: &str) -> Schema {
    shown(vec![("items", list(&named(of))), ("next", json!({ "type": "null" }))])
}

/// A number of each of some names.
pub(crate) fn counts() -> Schema {
    json!({ "type": "object", "additionalProperties": count() })
}
