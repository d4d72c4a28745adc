//! Reservations.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use b2bua::{Command, ReservationKey, Word};
use serde_json::Value;

use crate::auth::Caller;
use crate::document::{Doc, Routes, needing, one_of, taken};
use crate::fields::Fields;
use crate::problem::Problem;
use crate::query::{Params, page};
use crate::routes::{Body, Path};
use crate::{Inner, now};

pub(super) fn routes(routes: Routes) -> Routes {
    let list_doc =
        Doc::new("Tasks that are put before operators, and not answered").page("Reservation");
    let answer_doc = Doc::new("An operator takes a task that is put before them, or not")
        .more(
            "`rejected`: as if their phone had refused. `accepted` is for who has answered at a number \
             outside, as if they had pressed 1; a phone of ours is picked up by hand. Operators speak for \
             themselves.",
        )
        .takes(needing(&["state"], taken(vec![("state", one_of(&["accepted", "rejected"]))])))
        .done(204, "It is said")
        .problem(409);
    routes.get("/v1/reservations", list, list_doc).patch(
        "/v1/reservations/{reservation}",
        answer,
        answer_doc,
    )
}

pub(crate) async fn list(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let scope = caller.scope(&inner.model);
    let all = &inner.model.reservations;
    let seen = all.iter().filter(|one| scope.sees_reservation(one));
    let keys: Vec<ReservationKey> = seen.map(|one| *one.key()).collect();
    page(params, keys, |key| all.get(key).map(|one| one.view(*key, now()))).map(Json)
}

/// `{state}`; 204.
pub(crate) async fn answer(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path,
    Body(body): Body,
) -> Result<StatusCode, Problem> {
    let mut fields = Fields::new(body);
    let words = [("accepted", Word::Accepted), ("rejected", Word::Rejected)];
    let word = fields.one_of("state", &words);
    if word.is_none() && !fields.is_wrong() {
        fields.wrong("state", "accepted or rejected");
    }
    fields.finish()?;
    let gone = || Problem::not_found("reservation", &id);
    let reservation: ReservationKey = id.parse().map_err(|_| gone())?;
    let found = inner.model.reservations.get(&reservation).map(|one| one.clone());
    let found = found.ok_or_else(gone)?;
    match caller.only_operator() {
        Some(_) => caller.acts_for(&found.operator)?,
        None => caller.runs(&inner.model, &found.queue)?,
    }
    let Some(word) = word else { return Err(gone()) };
    inner.order(Command::AnswerReservation { reservation, word }).await?;
    Ok(StatusCode::NO_CONTENT)
}
