//! Reports and exports: what is asked of the records, who may, and how it is told.

use super::*;

const DAY: &str = "from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z";

async fn node() -> (Node, Arc<Fake>) {
    let fake = Arc::new(Fake::default());
    let node = Node::start_with(settings(), Some(Arc::clone(&fake) as Arc<dyn Records>)).await;
    (node, fake)
}

/// As a table; HTTP/1.0, since it comes in chunks otherwise.
async fn table(node: &Node, path: &str, token: &str, accept: &str) -> Answer {
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let head = format!(
        "GET {path} HTTP/1.0\r\nhost: x\r\nauthorization: Bearer {token}\r\naccept: {accept}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    read(stream).await
}

fn utc(text: &str) -> Utc {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_report_is_asked_of_the_records() {
    let (node, fake) = node().await;
    let path = format!("/v1/reports?by=queue&every=1h&{DAY}&queue=support&limit=3");
    let answer = node.get(&path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let page = answer.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 3);
    assert_eq!(page["items"][2]["from"], "2026-11-21T02:00:00Z");
    assert_eq!(page["next"], "2026-11-21T02:00:00Z support");
    let asked = fake.reports.lock().unwrap().pop().unwrap();
    assert_eq!((asked.by, asked.bounds.len(), asked.otherwise_ms), (By::Queue, 25, 20_000));
    assert_eq!(asked.only, Some(vec!["support".to_owned()]));
    assert_eq!(asked.within_ms["support"], 20_000);
    assert!(asked.now > utc("2026-01-01T00:00:00Z"));

    let path = format!("/v1/reports?by=operator&{DAY}&tz=Europe/Berlin");
    assert_eq!(node.get(&path).await.json()["next"], Value::Null);
    let asked = fake.reports.lock().unwrap().pop().unwrap();
    let bounds = ["2026-11-21T00:00:00Z", "2026-11-21T23:00:00Z", "2026-11-22T00:00:00Z"];
    assert_eq!(
        (asked.by, asked.bounds, asked.only),
        (By::Operator, bounds.map(utc).to_vec(), None)
    );

    // Of today, where nothing is said.
    assert_eq!(node.get("/v1/reports?by=queue").await.status, 200);
    let asked = fake.reports.lock().unwrap().pop().unwrap();
    assert_eq!(asked.bounds[0].as_second() % 86_400, 0);
    assert!(asked.bounds[1] <= crate::now() && asked.bounds.len() == 2);
}

#[tokio::test]
async fn pages_follow_each_other() {
    let (node, _) = node().await;
    let base = format!("/v1/reports?by=queue&every=1h&{DAY}");
    let whole = node.get(&format!("{base}&limit=1000")).await.json();
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let page = node.get(&format!("{base}&limit=7{next}")).await.json();
        found.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(cursor) => {
                let cursor = cursor.replace(' ', "%20").replace('"', "%22").replace(',', "%2C");
                next = format!("&cursor={cursor}");
            }
            None => break,
        }
    }
    assert_eq!(found.len(), 48);
    assert_eq!(json!(found), whole["items"]);
}

#[tokio::test]
async fn a_table_comes_whole_and_quoted() {
    let (node, _) = node().await;
    let path = format!("/v1/reports?by=operator&every=15m&{DAY}");
    let answer = table(&node, &path, "root", "text/csv").await;
    assert!(answer.head.contains("content-type: text/csv"), "{answer:?}");
    let lines: Vec<&str> = answer.text.split("\r\n").collect();
    assert_eq!(lines.len(), 1 + 96 * 2 + 1);
    assert!(lines[0].starts_with("from,to,operator,offered,answered,missed,"), "{}", lines[0]);
    let row = "2026-11-21T00:00:00Z,2026-11-21T00:15:00Z,\"b,\"\"c\"\"\",1,,";
    assert!(lines[2].starts_with(row), "{}", lines[2]);
    assert_eq!(lines[0].matches(',').count(), 18);
    // JSON is what was named first.
    let answer = table(&node, &path, "root", "application/json, text/csv").await;
    assert!(answer.head.contains("content-type: application/json"), "{answer:?}");
    let answer = table(&node, &format!("{path}&limit=2"), "root", "text/csv").await;
    assert_eq!(answer.problem()["errors"][0]["field"], "limit");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let (node, fake) = node().await;
    for (query, field) in [
        ("", "by"),
        ("by=trunk", "by"),
        ("by=queue&every=1w", "every"),
        ("by=queue&from=yesterday", "from"),
        ("by=queue&to=1", "to"),
        ("by=queue&tz=Mars/Olympus", "tz"),
        ("by=queue&tz=", "tz"),
        ("by=queue&operator=alice", "operator"),
        ("by=operator&queue=support", "queue"),
        ("by=queue&limit=0", "limit"),
        ("by=queue&cursor=x", "cursor"),
        ("by=queue&cursor=2026-11-21T00:00:01Z%20a", "cursor"),
        ("by=queue&number=1", "number"),
        ("by=queue&from=2026-11-22T00:00:00Z&to=2026-11-21T00:00:00Z", "to"),
        ("by=queue&every=15m&from=2026-01-01T00:00:00Z&to=2026-02-02T00:00:00Z", "to"),
        ("by=queue&every=1h&from=2026-01-01T00:00:00Z&to=2026-06-01T00:00:00Z", "to"),
        ("by=queue&every=1d&from=2026-01-01T00:00:00Z&to=2026-06-01T00:00:00Z", "to"),
        ("by=queue&from=-009999-01-02T01:59:59Z", "to"),
        ("by=queue&to=-009999-01-02T01:59:59Z&tz=Pacific/Niue", "from"),
        ("format=master.csv", "format"),
        ("format=queue-log&number=1", "number"),
        ("format=queue-log&every=1w", "every"),
        ("format=queue-log&limit=1", "limit"),
        ("format=asterisk-cdr&cursor=1", "cursor"),
        ("format=queue-log&from=2026-01-01T00:00:00Z&to=2027-06-01T00:00:00Z", "to"),
    ] {
        let answer = node.get(&format!("/v1/reports?{query}")).await;
        assert_eq!(answer.status, 422, "{query}: {answer:?}");
        let problem = answer.problem();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with(&format!("{field}: ")), "{query}: {detail}");
    }
    let detail = node.get("/v1/reports?by=queue&from=2020-01-01T00:00:00Z").await.problem();
    assert_eq!(detail["detail"], "to: is more than 100 days after from");
    assert!(fake.reports.lock().unwrap().is_empty(), "nothing was asked");
}

#[tokio::test]
async fn each_sees_what_is_theirs() {
    let (node, fake) = node().await;
    for (token, query, status, only) in [
        ("root", "by=queue", 200, None),
        ("root", "by=operator", 200, None),
        ("boss", "by=queue", 200, Some("sales support")),
        ("seller", "by=queue", 200, Some("sales")),
        ("seller", "by=queue&queue=sales", 200, Some("sales")),
        ("seller", "by=queue&queue=support", 403, None),
        ("boss", "by=operator&operator=alice", 200, Some("alice")),
        ("seller", "by=operator", 200, Some("")),
        ("seller", "by=operator&operator=alice", 403, None),
        ("alice", "by=operator", 200, Some("alice")),
        ("alice", "by=operator&operator=bob", 403, None),
        ("alice", "by=queue", 403, None),
        ("alice", "format=queue-log", 403, None),
        ("alice", "format=asterisk-cdr", 403, None),
    ] {
        fake.reports.lock().unwrap().clear();
        let path = format!("/v1/reports?{query}");
        let answer = ask(node.address, "GET", &path, token, "").await;
        assert_eq!(answer.status, status, "{token} {query}: {answer:?}");
        let asked = fake.reports.lock().unwrap().pop().and_then(|asked| asked.only);
        let mut asked = asked.map(|only| only.join(" "));
        if query == "by=operator" && token == "seller" {
            // Nobody serves the queue they supervise; as an operator they are none.
            asked = asked.map(|_| String::new());
        }
        assert_eq!(asked.as_deref(), only, "{token} {query}");
    }
}

#[tokio::test]
async fn the_queue_log_has_lines_for_those_who_see_them() {
    let (node, _) = node().await;
    let path = format!("/v1/records/calls?format=queue-log&{DAY}");
    let answer = table(&node, &path, "root", "*/*").await;
    assert!(answer.head.contains("content-type: text/plain"), "{answer:?}");
    let lines: Vec<&str> = answer.text.lines().collect();
    assert_eq!(lines.len(), 3_000, "in several parts");
    let expected = [
        "1795219200|NONE|support|alice|ADDMEMBER|1|x y",
        "1795219200|c0000000000001|support|NONE|ABANDON|1|x y",
        "1795305600|c0000000000001|sales|NONE|ABANDON|1|x y",
    ];
    assert_eq!(lines[..3], expected);
    let answer = table(&node, &path, "seller", "*/*").await;
    assert!(answer.text.lines().all(|line| line == expected[2]));
    assert_eq!(answer.text.lines().count(), 1_000);
    let answer = table(&node, &format!("{path}&queue=support"), "root", "*/*").await;
    assert_eq!(answer.text.lines().take(2).collect::<Vec<_>>(), expected[..2]);
    assert_eq!(answer.text.lines().count(), 2_000);
    let path = format!("/v1/reports?format=queue-log&{DAY}&operator=alice");
    let answer = table(&node, &path, "root", "*/*").await;
    assert!(answer.text.lines().all(|line| line == expected[0]));
}

#[tokio::test]
async fn records_are_exported_oldest_first_and_whole() {
    let (node, fake) = node().await;
    let path = format!("/v1/records/calls?format=asterisk-cdr&{DAY}&number=+7495&queue=support");
    let answer = table(&node, &path, "root", "*/*").await;
    let line = "\"\",\"7\",\"600\",\"inbound\",\"7\",\"\",\"\",\"\",\"\",\"2026-11-21 09:00:00\",\"\",\
        \"2026-11-21 09:00:05\",5,0,\"NO ANSWER\",\"DOCUMENTATION\",\"c1\",\"\"\n";
    assert_eq!(answer.text, line.repeat(2), "two pages");
    let asked = fake.asked.lock().unwrap().clone();
    let all: Vec<_> =
        asked.iter().map(|asked| (asked.oldest_first, asked.cursor.as_deref())).collect();
    assert_eq!(all, [(true, None), (true, Some("5"))]);
    assert_eq!(asked[1].number.as_deref(), Some("+7495"));
    let answer = table(&node, &format!("/v1/records/calls?{DAY}"), "root", "text/csv;q=0.9").await;
    let lines: Vec<&str> = answer.text.split("\r\n").collect();
    assert!(lines[0].starts_with("id,node,kind,state,from,to,predecessor,trunk,queue,operator,"));
    assert!(lines[1].starts_with("c1,,inbound,,7,600,"), "{}", lines[1]);
    assert_eq!(lines.len(), 4);
}
