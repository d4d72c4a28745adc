use super::*;
use crate::{SoundEntry, SoundRefused, Sounds};

/// Sounds in memory: one is made in, files are any octets but `bad` and `huge`.
#[derive(Default)]
struct Shelf(Mutex<BTreeMap<String, Vec<u8>>>);

impl Sounds for Shelf {
    fn list(&self) -> Vec<SoundEntry> {
        let entry =
            |name: &str, origin| SoundEntry { name: name.into(), origin, ms: 1_500, hz: 8_000 };
        let kept = self.0.lock().unwrap();
        let uploaded = kept.keys().map(|name| entry(name, b2bua::Origin::Uploaded));
        [entry("default", b2bua::Origin::MadeIn)].into_iter().chain(uploaded).collect()
    }

    fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(name).cloned()
    }

    fn put(&self, name: &str, file: &[u8]) -> Result<(SoundEntry, bool), SoundRefused> {
        match file {
            b"bad" => return Err(SoundRefused::Invalid("not a WAVE file".into())),
            b"huge" => return Err(SoundRefused::TooLarge("no room".into())),
            b"disk" => return Err(SoundRefused::Unavailable("/var/x: no space".into())),
            _ => {}
        }
        let is_new = self.0.lock().unwrap().insert(name.into(), file.into()).is_none();
        let entry = self.list().into_iter().find(|entry| entry.name == name).unwrap();
        Ok((entry, is_new))
    }

    fn delete(&self, name: &str) -> Result<(), SoundRefused> {
        match self.0.lock().unwrap().remove(name) {
            Some(_) => Ok(()),
            None if name == "default" => Err(SoundRefused::Conflict("it is made in".into())),
            None => Err(SoundRefused::NotFound(name.into())),
        }
    }
}

async fn node() -> Node {
    let sounds: Arc<dyn Sounds> = Arc::new(Shelf::default());
    let settings = Settings { sounds: Some(sounds), sound_bytes_max: 100, ..settings() };
    Node::start_with(settings, None).await
}

/// Asks with more header fields.
async fn with(node: &Node, method: &str, path: &str, fields: &str, body: &str) -> Answer {
    let path = format!("{path} HTTP/1.1\r\n{fields}x-rest:");
    ask(node.address, method, &path, "root", body).await
}

#[tokio::test]
async fn a_sound_is_put_listed_heard_and_deleted() {
    let node = node().await;
    let wave = "content-type: audio/wav\r\n";
    let answer = with(&node, "PUT", "/v1/sounds/a/b%20c", wave, "one").await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let entry = json!({
        "name": "a/b c", "origin": "uploaded", "duration_s": 1.5, "rate_hz": 8000,
    });
    assert_eq!(answer.json(), entry);
    let answer =
        with(&node, "PUT", "/v1/sounds/a/b%20c", "content-type: Audio/X-WAV; a=b\r\n", "two").await;
    assert_eq!(answer.status, 200, "{answer:?}");

    let answer = ask(node.address, "GET", "/v1/sounds", "alice", "").await;
    let default = json!({
        "name": "default", "origin": "made-in", "duration_s": 1.5, "rate_hz": 8000,
    });
    assert_eq!(answer.json(), json!({ "items": [entry, default], "next": null }));
    let answer = ask(node.address, "GET", "/v1/sounds?limit=1", "alice", "").await;
    assert_eq!(answer.json()["next"], "a/b c");
    let answer = ask(node.address, "GET", "/v1/sounds/a/b%20c", "alice", "").await;
    assert!(answer.head.contains("content-type: audio/wav"), "{answer:?}");
    assert_eq!(answer.text, "two");
    let answer = with(&node, "GET", "/v1/sounds/a/b%20c", "accept: application/json\r\n", "").await;
    assert_eq!(answer.json(), entry);

    assert_eq!(ask(node.address, "DELETE", "/v1/sounds/a/b%20c", "root", "").await.status, 204);
    for (method, path, status) in [
        ("GET", "/v1/sounds/a/b%20c", 404),
        ("DELETE", "/v1/sounds/a/b%20c", 404),
        ("DELETE", "/v1/sounds/default", 409),
        ("POST", "/v1/sounds/default", 405),
    ] {
        let answer = ask(node.address, method, path, "root", "").await;
        assert_eq!(answer.status, status, "{method} {path}");
        answer.problem();
    }
}

#[tokio::test]
async fn who_may_not_and_what_is_none_changes_nothing() {
    let node = node().await;
    let wave = "content-type: audio/wav\r\n";
    let long = "x".repeat(101);
    for (fields, body, status) in [
        ("", "one", 415),
        ("content-type: audio/mpeg\r\n", "one", 415),
        ("content-type: text/audio/wav\r\n", "one", 415),
        (wave, long.as_str(), 413),
        (wave, "huge", 413),
        (wave, "bad", 422),
        (wave, "disk", 503),
    ] {
        let answer = with(&node, "PUT", "/v1/sounds/x", fields, body).await;
        assert_eq!(answer.status, status, "{fields} {body}: {answer:?}");
        let told = answer.problem().to_string();
        assert!(!told.contains("/var"), "{told}");
    }
    for token in ["alice", "boss"] {
        for method in ["PUT", "DELETE"] {
            let answer = ask(node.address, method, "/v1/sounds/default", token, "").await;
            assert_eq!(answer.status, 403, "{token} {method}");
        }
    }
    assert_eq!(ask(node.address, "GET", "/v1/sounds", "", "").await.status, 401);
    let listed = ask(node.address, "GET", "/v1/sounds", "root", "").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let none = Node::start().await;
    assert_eq!(none.get("/v1/sounds").await.status, 503);
}
