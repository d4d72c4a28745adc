//! Sounds: which there are, and those that are put and deleted here. Their names have slashes.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::Inner;
use crate::auth::Caller;
use crate::document::{Doc, Routes, named};
use crate::ports::{SoundEntry, SoundRefused, Sounds};
use crate::problem::Problem;
use crate::query::{Params, page};
use crate::routes::Path;
use crate::settings::Role;

/// What a WAVE file is called: it never got a registered name.
const WAVE: [&str; 4] = ["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"];

pub(super) fn routes(routes: Routes) -> Routes {
    let show_doc = Doc::new("A sound, or with `Accept: application/json` what is known of it")
        .answers_file(200, "The sound", WAVE[0])
        .answers(200, "The sound", named("Sound"));
    let put_doc = Doc::new("Keeps a sound")
        .more(
            "Its name has letters A to Z and a to z, digits, `-`, `_`, `.`, and `/` between folders. A \
             file that is cut short is refused; one whose header tells no length is not.",
        )
        .of(Role::Admin)
        .takes_file(WAVE[0])
        .answers(200, "In place of another that was put", named("Sound"))
        .answers(201, "Of a new name", named("Sound"))
        .problem(409)
        .problem(415);
    let delete_doc = Doc::new("Deletes a sound that was put")
        .more("Whoever hears it goes on.")
        .of(Role::Admin)
        .done(204, "It is deleted")
        .problem(409);
    routes
        .get("/v1/sounds", list, Doc::new("Music and prompts").page("Sound"))
        .get("/v1/sounds/{*name}", show, show_doc)
        .put("/v1/sounds/{*name}", put, put_doc)
        .delete("/v1/sounds/{*name}", delete, delete_doc)
}

pub(crate) async fn list(
    State(inner): State<Arc<Inner>>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let entries = inner.of_sounds(|sounds| Ok(sounds.list())).await?;
    let names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
    let view = |name: &String| entries.iter().find(|entry| entry.name == *name).map(view);
    page(params, names, view).map(Json)
}

fn view(entry: &SoundEntry) -> Value {
    let SoundEntry { name, origin, ms, hz } = entry;
    let duration_s = f64::from(u32::try_from(*ms).unwrap_or(u32::MAX)) / 1_000.0;
    json!({ "name": name, "origin": origin.as_str(), "duration_s": duration_s, "rate_hz": hz })
}

/// The sound itself; what is known of it where JSON is asked for.
pub(crate) async fn show(
    State(inner): State<Arc<Inner>>,
    Path(name): Path,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let wants_json = accept.is_some_and(|accept| accept.contains("application/json"));
    let unknown = Problem::not_found("sound", &name);
    if wants_json {
        let entries = inner.of_sounds(|sounds| Ok(sounds.list())).await?;
        let entry = entries.iter().find(|entry| entry.name == name).ok_or(unknown)?;
        return Ok(Json(view(entry)).into_response());
    }
    let file = inner.of_sounds(move |sounds| Ok(sounds.file(&name))).await?.ok_or(unknown)?;
    Ok(([(header::CONTENT_TYPE, WAVE[0])], file).into_response())
}

/// 201 for a new one, 200 for one that replaces another that was put.
pub(crate) async fn put(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Problem> {
    caller.at_least(Role::Admin)?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !WAVE.iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        let detail = "a sound is a WAVE file, with `Content-Type: audio/wav`";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let file = whole(request.into_body(), inner.settings.sound_bytes_max).await?;
    let (entry, is_new) = inner.of_sounds(move |sounds| sounds.put(&name, &file)).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(view(&entry))))
}

async fn whole(body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    to_bytes(body, bytes_max).await.map_err(|error| {
        // Either it is longer, or it broke off and nobody reads the answer.
        let detail = format!("a sound has at most {bytes_max} octets, `max_upload_mb` ({error})");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    })
}

/// 204. Whoever hears it goes on.
pub(crate) async fn delete(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    caller.at_least(Role::Admin)?;
    inner.of_sounds(move |sounds| sounds.delete(&name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Inner {
    /// Asks for sounds on a thread that may block.
    async fn of_sounds<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Sounds) -> Result<T, SoundRefused> + Send + 'static,
    ) -> Result<T, Problem> {
        let Some(sounds) = self.settings.sounds.clone() else {
            return Err(Problem::unavailable("this node keeps no sounds"));
        };
        let answer = tokio::task::spawn_blocking(move || ask(&*sounds)).await;
        let answer = answer.map_err(|error| Problem::unavailable(error.to_string()))?;
        answer.map_err(|refused| match refused {
            SoundRefused::NotFound(name) => Problem::not_found("sound", &name),
            SoundRefused::Conflict(why) => Problem::new(StatusCode::CONFLICT, why),
            SoundRefused::Invalid(why) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why),
            SoundRefused::TooLarge(why) => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, why),
            SoundRefused::Unavailable(why) => {
                tracing::error!(why, "a sound cannot be kept");
                Problem::unavailable("sounds cannot be written now")
            }
        })
    }
}
