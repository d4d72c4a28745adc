//! `[[webhook]]`: who is told of events.

use api::Topics;

use super::names::{Names, Thing};
use super::section::Section;
use super::setup::WebhookSetup;

/// What a secret should have at least, so that nobody guesses it.
const SECRET_MIN: usize = 16;

pub(super) fn read(mut section: Section<'_>, names: &mut Names) -> Option<WebhookSetup> {
    let url = section.required("url", "where to, \"https://crm.example/usher\"");
    let name = section.text("name", "a name for logs").map(|name| name.text);
    let name = name.or(url.map(|url| url.text)).unwrap_or_default();
    section.is_called(name);
    names.define(Thing::Webhook, name, section.at, section.report);
    let sound = url.is_none_or(|url| {
        let host = ["https://", "http://"].iter().find_map(|start| url.text.strip_prefix(start));
        host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'))
    });
    if let Some(url) = url.filter(|_| !sound) {
        let what = section.what();
        let expected = "expected one that begins with https:// or http://";
        section.report.fault(url.at, format!("`url` of {what} is `{}`; {expected}", url.text));
    }
    let expected = "a list such as [\"task.*\", \"call.ended\"]";
    let mut topics = Topics::default();
    for text in section.texts("events", expected).unwrap_or_default() {
        match Topics::parse(text.text) {
            Ok(more) => topics.join(more),
            Err(why) => {
                section.report.fault(text.at, format!("`events` of {}: {why}", section.what()));
            }
        }
    }
    let secret = section.required("secret", "what its receiver checks the signature with");
    if let Some(secret) = secret.filter(|secret| secret.text.len() < SECRET_MIN) {
        let what = section.what();
        section.report.warn(secret.at, format!("the `secret` of {what} is short enough to guess"));
    }
    section.finish(&[]);
    let (url, secret) = (url?.text.to_owned(), secret?.text.into());
    Some(WebhookSetup { name: name.into(), url, topics, secret })
}
