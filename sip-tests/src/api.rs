//! The server's HTTP interface from outside.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::SOON;

/// A client with a token, the administrator's to begin with.
#[derive(Debug, Clone)]
pub struct Api {
    base: String,
    agent: ureq::Agent,
    bearer: String,
}

/// The secret of the token in every generated configuration.
pub(crate) const TOKEN: &str = "wire-test-token";

impl Api {
    pub(crate) fn new(port: u16) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(SOON))
            .build()
            .into();
        let base = format!("http://127.0.0.1:{port}");
        Self { base, agent, bearer: format!("Bearer {TOKEN}") }
    }

    /// The same with another token.
    #[must_use]
    pub fn with(&self, secret: &str) -> Self {
        Self { bearer: format!("Bearer {secret}"), ..self.clone() }
    }

    /// `http://…` without a path.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Status and text of a GET without a token; none where nobody listens.
    #[must_use]
    pub fn open(&self, path: &str) -> Option<(u16, String)> {
        let mut response = self.agent.get(format!("{}{path}", self.base)).call().ok()?;
        Some((response.status().as_u16(), response.body_mut().read_to_string().ok()?))
    }

    /// Status and body of a GET below `/v1`.
    ///
    /// # Panics
    /// Where there is no answer.
    #[track_caller]
    #[must_use]
    pub fn get(&self, path: &str) -> (u16, Value) {
        let url = format!("{}/v1{path}", self.base);
        understood(self.agent.get(url).header("Authorization", &self.bearer).call())
    }

    /// Status and octets of a GET below `/v1`.
    ///
    /// # Panics
    /// Where there is no answer.
    #[track_caller]
    #[must_use]
    pub fn octets(&self, path: &str) -> (u16, Vec<u8>) {
        let request = self.agent.get(format!("{}/v1{path}", self.base));
        let answered = request.header("Authorization", &self.bearer).call();
        let mut response = answered.expect("the HTTP interface answers");
        let octets = response.body_mut().read_to_vec().expect("a body");
        (response.status().as_u16(), octets)
    }

    /// Status and body of a DELETE below `/v1`.
    #[track_caller]
    pub fn delete(&self, path: &str) -> (u16, Value) {
        let url = format!("{}/v1{path}", self.base);
        understood(self.agent.delete(url).header("Authorization", &self.bearer).call())
    }

    /// Status and body of a PATCH below `/v1`.
    #[track_caller]
    pub fn patch(&self, path: &str, body: &Value) -> (u16, Value) {
        self.sent(self.agent.patch(format!("{}/v1{path}", self.base)), body)
    }

    /// Status and body of a POST below `/v1`.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.sent(self.agent.post(format!("{}/v1{path}", self.base)), body)
    }

    #[track_caller]
    fn sent(
        &self,
        request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        body: &Value,
    ) -> (u16, Value) {
        let request = request.header("Authorization", &self.bearer);
        let request = request.header("Content-Type", "application/json");
        understood(request.send(body.to_string()))
    }

    /// Status and body of a PUT of a file below `/v1`.
    #[track_caller]
    pub fn put(&self, path: &str, kind: &str, file: &[u8]) -> (u16, Value) {
        let request = self.agent.put(format!("{}/v1{path}", self.base));
        let request = request.header("Authorization", &self.bearer).header("Content-Type", kind);
        understood(request.send(file))
    }

    /// A tone as a sound of this name.
    ///
    /// # Panics
    /// Where it is not taken.
    #[track_caller]
    pub fn upload_tone(&self, name: &str, hz: f64, ms: usize) {
        let file = crate::tone::wav(&crate::tone::sine(hz, 0, 8 * ms));
        let (status, body) = self.put(&format!("/sounds/{name}"), "audio/wav", &file);
        assert!(status == 201 || status == 200, "{status} {body}");
    }

    /// The entries of a list.
    ///
    /// # Panics
    /// Where it is none.
    #[track_caller]
    #[must_use]
    pub fn items(&self, path: &str) -> Vec<Value> {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "GET {path}: {body}");
        body["items"].as_array().unwrap_or_else(|| panic!("no items in {body}")).clone()
    }

    /// A sample of `/metrics`, by its whole name with labels.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<f64> {
        let (_, text) = self.open("/metrics")?;
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// Asks until the answer will do: for what has no event.
    ///
    /// # Panics
    /// When it does not in time.
    #[track_caller]
    pub fn until<T>(&self, what: &str, mut ask: impl FnMut(&Self) -> Option<T>) -> T {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(answer) = ask(self) {
                return answer;
            }
            assert!(Instant::now() < deadline, "not within {SOON:?}: {what}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

type Answered = Result<ureq::http::Response<ureq::Body>, ureq::Error>;

#[track_caller]
fn understood(answered: Answered) -> (u16, Value) {
    let mut response = answered.expect("the HTTP interface answers");
    let text = response.body_mut().read_to_string().expect("a body");
    let body = if text.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&text) };
    (response.status().as_u16(), body.unwrap_or_else(|_| panic!("not JSON: {text}")))
}
