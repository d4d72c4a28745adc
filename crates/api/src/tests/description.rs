//! What the API says of itself, against what it does.

use super::*;

async fn document(node: &Node) -> Value {
    let answer = ask(node.address, "GET", "/openapi.json", "", "").await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: application/json"), "{}", answer.head);
    answer.json()
}

/// Each operation: its method, its path, its description.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, operations)| {
        let operations = operations.as_object().unwrap().iter();
        operations.map(|(method, one)| (method.to_uppercase(), path.clone(), one.clone()))
    });
    all.collect()
}

/// [`crate::document::Routes`] makes route and description of one statement; nothing goes past it.
#[test]
fn no_route_is_made_without_words() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/routes");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(".route("), "{}", path.display());
        assert!(!text.contains("axum::routing"), "{}", path.display());
    }
}

/// A path with something of which there is none at each place.
fn nowhere(path: &str) -> String {
    path.replace("{call}", "c0000000000077")
        .replace("{participant}", "p0000000000077")
        .replace("{task}", "t0000000000077")
        .replace(['{', '}'], "")
}

#[tokio::test]
async fn every_operation_is_described() {
    let node = Node::start().await;
    let document = document(&node).await;
    let all = operations(&document);
    assert!(all.len() > 25, "{}", all.len());
    let mut ids: Vec<&str> =
        all.iter().map(|(.., one)| one["operationId"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all.len(), "each has a name of its own");
    for (method, path, one) in &all {
        assert!(!one["summary"].as_str().unwrap().is_empty(), "{method} {path}");
        let good =
            one["responses"].as_object().unwrap().keys().any(|status| status.as_str() < "400");
        assert!(good, "{method} {path}: how does it answer when it goes well?");
        let is_open = one["security"].is_array();
        let answer = ask(node.address, method, &nowhere(path), "", "{}").await;
        assert_eq!(answer.status == 401, !is_open, "{method} {path}: {answer:?}");
    }
    let references = document.to_string();
    for part in references.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}

/// A body with a field that there is not is refused by the names of those that there are.
#[tokio::test]
async fn bodies_have_the_fields_that_are_described() {
    let mut node = Node::start_with(settings(), Some(Arc::new(Fake::default()))).await;
    node.talk();
    let document = document(&node).await;
    let mut seen = 0;
    for (method, path, one) in operations(&document) {
        let schema = &one["requestBody"]["content"]["application/json"]["schema"];
        let Some(fields) = schema["properties"].as_object() else { continue };
        let at = nowhere(&path.replace("{operator}", "alice").replace("{queue}", "support"))
            .replace("77", "01")
            .replace("t0000000000001", "t0000000000009");
        let answer = ask(node.address, &method, &at, "root", r#"{"no such":1}"#).await;
        assert_eq!(answer.status, 422, "{method} {at}: {answer:?}");
        let problem = answer.problem();
        let mut told = problem["errors"].as_array().unwrap().iter();
        let told = told.rfind(|error| error["field"] == "no such").unwrap();
        let told = told["detail"].as_str().unwrap();
        let mut known: Vec<&str> = fields.keys().map(String::as_str).collect();
        known.sort_unstable();
        let mut told: Vec<&str> = match told {
            "no such field; there are none" => Vec::new(),
            told => told.rsplit_once(" known are ").unwrap().1.split(", ").collect(),
        };
        told.sort_unstable();
        assert_eq!(told, known, "{method} {path}");
        seen += 1;
    }
    assert!(seen >= 6, "{seen}");
    assert!(node.orders.try_recv().is_err(), "nothing was ordered");
}

#[tokio::test]
async fn what_is_shown_has_the_fields_that_are_described() {
    let mut node = Node::start_with(settings(), Some(Arc::new(Fake::default()))).await;
    node.talk();
    let document = document(&node).await;
    let of = |name: &str| document["components"]["schemas"][name].clone();
    for (name, path) in [
        ("Call", "/v1/calls/c0000000000001"),
        ("Operator", "/v1/operators/alice"),
        ("Queue", "/v1/queues/support"),
        ("Task", "/v1/tasks/t0000000000009"),
    ] {
        let shown = node.get(path).await.json();
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&shown), keys(&of(name)["properties"]), "{name}");
    }
    let call = node.get("/v1/calls/c0000000000001").await.json();
    for (name, one) in
        [("Participant", &call["participants"][0]), ("Segment", &call["segments"][0])]
    {
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(one), keys(&of(name)["properties"]), "{name}");
    }
}

#[tokio::test]
async fn every_path_says_what_it_allows() {
    let node = Node::start().await;
    for (path, allowed) in [
        ("/v1/calls/c0000000000001", "GET,HEAD,DELETE,OPTIONS"),
        ("/v1/calls/c0000000000001/play", "POST,OPTIONS"),
        ("/healthz", "GET,HEAD,OPTIONS"),
    ] {
        let answer = ask(node.address, "OPTIONS", path, "", "").await;
        assert_eq!(answer.status, 204, "{path}");
        let mut told = allow(&answer);
        let mut expected: Vec<&str> = allowed.split(',').collect();
        told.sort_unstable();
        expected.sort_unstable();
        assert_eq!(told, expected, "{path}");
        let answer = ask(node.address, "PUT", path, "boss", "").await;
        assert_eq!(answer.status, 405, "{path}");
        answer.problem();
        let mut told = allow(&answer);
        told.sort_unstable();
        assert_eq!(told, expected, "{path}");
    }
    assert_eq!(ask(node.address, "OPTIONS", "/v1/nothing", "boss", "").await.status, 404);
    let answer = ask(node.address, "HEAD", "/v1/calls", "boss", "").await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
}

fn allow(answer: &Answer) -> Vec<&str> {
    let line = answer.head.lines().find_map(|line| line.strip_prefix("allow: "));
    line.unwrap_or_else(|| panic!("{answer:?}")).split(',').map(str::trim).collect()
}

#[tokio::test]
async fn the_page_needs_nobody_else() {
    let node = Node::start().await;
    let answer = ask(node.address, "GET", "/docs", "", "").await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: text/html"), "{}", answer.head);
    assert!(answer.head.contains("default-src 'none'"), "{}", answer.head);
    assert!(!answer.text.contains("http://") && !answer.text.contains("https://"));
}
