//! The HTTP interface from its other side.

use std::time::Duration;

use serde_json::Value;

use super::Failure;

/// Where the switch is and who asks.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Server {
    /// The switch's HTTP address.
    #[arg(
        long,
        global = true,
        env = "USHER_URL",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL"
    )]
    url: String,
    /// A token of [[http.token]].
    #[arg(
        long,
        global = true,
        env = "USHER_TOKEN",
        hide_env_values = true,
        default_value = "change-me",
        hide_default_value = true,
        value_name = "TOKEN"
    )]
    token: String,
}

/// How long a table may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Octets of a table.
const TABLE_MAX: u64 = 256 << 20;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Delete,
    Patch,
    Post,
}

impl Server {
    /// The switch at this address, without `/` at the end, asked with this token.
    pub(crate) fn at(url: &str, token: &str) -> Self {
        Self { url: url.to_owned(), token: token.to_owned() }
    }

    /// Asks for `/v1` + `path`; the answer's JSON, null where it has no body.
    pub(crate) fn ask(
        &self,
        verb: Verb,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let base = self.url.trim_end_matches('/');
        if base.starts_with("https://") {
            return Err(Failure::usage(
                "usher: --url https://… is not supported yet; ask the switch itself over http://",
            ));
        }
        let agent: ureq::Agent = config().http_status_as_error(false).build().into();
        let url = format!("{base}/v1{path}");
        let bearer = format!("Bearer {}", self.token);
        let sent = match verb {
            Verb::Get => agent.get(&url).header("Authorization", &bearer).call(),
            Verb::Delete => agent.delete(&url).header("Authorization", &bearer).call(),
            Verb::Patch | Verb::Post => {
                let request =
                    if verb == Verb::Patch { agent.patch(&url) } else { agent.post(&url) };
                request
                    .header("Authorization", &bearer)
                    .header("Content-Type", "application/json")
                    .send(body.unwrap_or(&Value::Null).to_string())
            }
        };
        let mut response = sent.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let text =
            response.body_mut().read_to_string().map_err(|error| self.unreachable(&error))?;
        understood(status, &text).map_err(|problem| {
            Failure::failed(match status {
                401 | 403 => {
                    format!(
                        "usher: {problem}\nset USHER_TOKEN or --token to a secret of [[http.token]]"
                    )
                }
                _ => format!("usher: {problem}"),
            })
        })
    }

    /// Asks for `/v1` + `path` as a table (CSV), which may take a while.
    pub(crate) fn table(&self, path: &str) -> Result<String, Failure> {
        let url = format!("{}/v1{path}", self.url.trim_end_matches('/'));
        let patient = config().timeout_global(Some(PATIENCE)).http_status_as_error(false);
        let agent: ureq::Agent = patient.build().into();
        let asked = agent.get(&url).header("Authorization", &format!("Bearer {}", self.token));
        let mut answer =
            asked.header("Accept", "text/csv").call().map_err(|error| self.unreachable(&error))?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(TABLE_MAX).read_to_string();
        let text = text.map_err(|error| self.unreachable(&error))?;
        if (200..300).contains(&status) {
            return Ok(text);
        }
        let why = understood(status, &text).err().unwrap_or_default();
        Err(Failure::failed(format!("usher: {why}")))
    }

    /// What `/metrics` says.
    pub(crate) fn metrics(&self) -> Result<String, Failure> {
        let url = format!("{}/metrics", self.url.trim_end_matches('/'));
        let agent: ureq::Agent = config().build().into();
        let answer =
            agent.get(&url).call().and_then(|mut answer| answer.body_mut().read_to_string());
        answer.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        Failure::failed(format!(
            "usher: no answer from {}: {error}\nis `usher serve` running there? --url URL or \
             USHER_URL names another place",
            self.url
        ))
    }
}

fn config() -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope> {
    ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(10)))
}

/// The JSON of a good answer, or one line on why it is none (RFC 9457).
fn understood(status: u16, text: &str) -> Result<Value, String> {
    let json: Option<Value> = serde_json::from_str(text).ok();
    if (200..300).contains(&status) {
        return match json {
            Some(json) => Ok(json),
            None if text.trim().is_empty() => Ok(Value::Null),
            None => Err("the answer is not JSON; does --url lead to usher?".to_owned()),
        };
    }
    let field =
        |key: &str| json.as_ref().and_then(|json| json.get(key)?.as_str().map(str::to_owned));
    Err(match (field("title"), field("detail")) {
        (Some(title), Some(detail)) => format!("{title}: {detail} ({status})"),
        (Some(title), None) => format!("{title} ({status})"),
        (None, Some(detail)) => format!("{detail} ({status})"),
        (None, None) => format!("the switch answered {status}"),
    })
}

/// A part of a path, escaped (RFC 3986 section 2.1).
pub(super) fn segment(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{segment, understood};
    use serde_json::json;

    #[test]
    fn answers() {
        let check = |status, text, expected: Result<serde_json::Value, &str>| {
            assert_eq!(
                understood(status, text),
                expected.map_err(str::to_owned),
                "{status} {text}"
            );
        };
        check(200, r#"{"items":[]}"#, Ok(json!({ "items": [] })));
        check(204, "", Ok(serde_json::Value::Null));
        check(200, "<html>", Err("the answer is not JSON; does --url lead to usher?"));
        check(
            404,
            r#"{"title":"Not found","detail":"no call c1","status":404}"#,
            Err("Not found: no call c1 (404)"),
        );
        check(401, r#"{"title":"Unauthorized"}"#, Err("Unauthorized (401)"));
        check(502, "bad gateway", Err("the switch answered 502"));
    }

    #[test]
    fn segments() {
        assert_eq!(segment("a/b c*"), "a%2Fb%20c%2A");
    }
}
