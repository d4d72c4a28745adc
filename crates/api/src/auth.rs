//! Bearer tokens.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use b2bua::Asker;
use b2bua::config::Name;

use crate::Inner;
use crate::model::Model;
use crate::problem::Problem;
use crate::settings::{Role, Token};

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    name: Arc<str>,
    role: Role,
    supervises: Vec<Name>,
}

impl Caller {
    /// The name of their token.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// That they are at least of this role.
    pub(crate) fn at_least(&self, role: Role) -> Result<(), Problem> {
        if self.role >= role {
            return Ok(());
        }
        let needed = if role == Role::Admin { "admin" } else { "supervisor" };
        Err(Problem::forbidden(&format!("this needs a token of role {needed}")))
    }

    /// That they may act for this operator.
    pub(crate) fn acts_for(&self, operator: &str) -> Result<(), Problem> {
        if *self.name == *operator {
            return Ok(());
        }
        self.at_least(Role::Supervisor)
    }

    /// That this queue is theirs to run: a supervisor's own queues, any of an admin's.
    pub(crate) fn runs(&self, model: &Model, queue: &Name) -> Result<(), Problem> {
        match self.asker(model) {
            Asker::Admin => Ok(()),
            Asker::Supervisor { queues } if queues.contains(queue) => Ok(()),
            Asker::Supervisor { .. } | Asker::Operator(_) => {
                Err(Problem::forbidden("this needs somebody who supervises the queue"))
            }
        }
    }

    /// Whose calls they may give orders about, in the switch's words.
    pub(crate) fn asker(&self, model: &Model) -> Asker {
        match self.role {
            Role::Admin => Asker::Admin,
            Role::Operator => Asker::Operator(self.name.clone()),
            Role::Supervisor => {
                let own = model.operators.get(&self.name);
                let own = own.map(|one| one.entry.supervises.clone()).unwrap_or_default();
                Asker::Supervisor { queues: [own, self.supervises.clone()].concat() }
            }
        }
    }

    /// The operator they are, where they are no more than that.
    pub(crate) fn only_operator(&self) -> Option<&str> {
        (self.role == Role::Operator).then_some(&*self.name)
    }
}

/// Lets nobody under `/v1` without a token that is known.
pub(crate) async fn require(
    State(inner): State<Arc<Inner>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    // Whoever signs in has no token yet.
    let signs_in = path == "/v1/session" && request.method() == Method::POST;
    // What a path allows is no secret, and a browser that asks before it asks sends no token.
    if signs_in
        || request.method() == Method::OPTIONS
        || (path != "/v1" && !path.starts_with("/v1/"))
    {
        return next.run(request).await;
    }
    let Some(secret) = bearer(request.headers()) else {
        return Problem::unauthorized("Authorization: Bearer TOKEN is needed").into_response();
    };
    let known = find(&inner.settings.tokens, secret).or_else(|| signed_in(&inner, secret));
    let Some(caller) = known else {
        return Problem::unauthorized("this token is not known").into_response();
    };
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Who has signed in, and is what they were then.
fn signed_in(inner: &Inner, token: &str) -> Option<Caller> {
    let (name, password) = inner.sessions.find(token, Instant::now())?;
    let operator = inner.model.operators.get(&name)?;
    let entry = &operator.entry;
    let role = (entry.password.as_ref() == Some(&password)).then_some(entry.role)?;
    Some(Caller { name, role, supervises: Vec::new() })
}

/// What stands behind `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
}

/// Looks at every token whatever matches, so that time tells nothing.
fn find(tokens: &[Token], secret: &str) -> Option<Caller> {
    let mut found = None;
    for token in tokens {
        if same(token.secret.as_bytes(), secret.as_bytes()) && !token.secret.is_empty() {
            let supervises = token.supervises.clone();
            found = Some(Caller { name: token.name.clone(), role: token.role, supervises });
        }
    }
    found
}

/// Takes the same time wherever the first difference is (its length is no secret).
pub(crate) fn same(left: &[u8], right: &[u8]) -> bool {
    let pairs = left.iter().zip(right);
    let differs = pairs.fold(0_u8, |differs, (left, right)| black_box(differs | (left ^ right)));
    left.len() == right.len() && differs == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_secret_matches() {
        let token = |secret: &str, role| Token {
            name: "x".into(),
            secret: secret.into(),
            role,
            supervises: Vec::new(),
        };
        let tokens =
            [token("abc", Role::Operator), token("", Role::Admin), token("abd", Role::Admin)];
        let check = |secret, expected: Option<Role>| {
            assert_eq!(find(&tokens, secret).map(|caller| caller.role), expected, "{secret:?}");
        };
        check("abc", Some(Role::Operator));
        check("abd", Some(Role::Admin));
        check("", None);
        check("ab", None);
        check("abcd", None);
    }
}
