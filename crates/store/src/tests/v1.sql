-- A database of the first version, as a process left it that was killed: call c…1 is over, c…2 talks,
-- c…3 has just come. Its numbers are 1 to 9 and, behind a crash, 10000010; 5 was a position.
CREATE TABLE node (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    name TEXT NOT NULL,
    last_seq INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    clean INTEGER NOT NULL
);
CREATE TABLE event (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE call (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    node TEXT NOT NULL,
    kind TEXT NOT NULL,
    caller TEXT NOT NULL,
    callee TEXT NOT NULL,
    trunk TEXT,
    queue TEXT,
    operator TEXT,
    context TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    answered_ms INTEGER,
    ended_ms INTEGER,
    result TEXT,
    cause TEXT,
    wait_ms INTEGER NOT NULL DEFAULT 0,
    ring_ms INTEGER NOT NULL DEFAULT 0,
    talk_ms INTEGER NOT NULL DEFAULT 0,
    hold_ms INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX call_started ON call (started_ms);
CREATE INDEX call_caller ON call (caller);
CREATE INDEX call_callee ON call (callee);
CREATE INDEX call_open ON call (row) WHERE ended_ms IS NULL;
CREATE TABLE segment (
    call TEXT NOT NULL,
    seq INTEGER NOT NULL,
    phase TEXT NOT NULL,
    participants TEXT NOT NULL,
    hears TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    length_ms INTEGER,
    PRIMARY KEY (call, seq)
) WITHOUT ROWID;
CREATE INDEX segment_open ON segment (call) WHERE length_ms IS NULL;
CREATE TABLE participant (
    call TEXT NOT NULL,
    id TEXT NOT NULL,
    role TEXT NOT NULL,
    operator TEXT,
    uri TEXT NOT NULL,
    joined_ms INTEGER NOT NULL,
    left_ms INTEGER,
    PRIMARY KEY (call, id)
) WITHOUT ROWID;
CREATE INDEX participant_operator ON participant (operator, call);
CREATE INDEX participant_open ON participant (call) WHERE left_ms IS NULL;
CREATE TABLE task (
    id TEXT PRIMARY KEY,
    call TEXT,
    queue TEXT NOT NULL,
    operator TEXT,
    offers INTEGER NOT NULL DEFAULT 0,
    queued_ms INTEGER NOT NULL,
    assigned_ms INTEGER,
    ended_ms INTEGER,
    outcome TEXT,
    cause TEXT,
    wait_ms INTEGER,
    talk_ms INTEGER,
    wrap_up_ms INTEGER
);
CREATE INDEX task_call ON task (call);
CREATE INDEX task_queue ON task (queue, call);
CREATE INDEX task_operator ON task (operator, call);
CREATE INDEX task_open ON task (id) WHERE ended_ms IS NULL;
PRAGMA user_version = 1;

INSERT INTO node VALUES (1, 'old', 10000010, 1800000007000, 0);
INSERT INTO event VALUES
    (1, '{"seq":1,"type":"call.started"}'),
    (2, '{"seq":2,"type":"call.segment"}'),
    (3, '{"seq":3,"type":"leg.ended","cause":"line\nbreak"}'),
    (4, '{"seq":4,"type":"call.segment"}'),
    (6, '{"seq":6,"type":"call.ended"}'),
    (7, '{"seq":7,"type":"call.started"}'),
    (8, '{"seq":8,"type":"call.segment"}'),
    (9, '{"seq":9,"type":"call.segment"}'),
    (10000010, '{"seq":10000010,"type":"call.started"}');
INSERT INTO call VALUES
    (4, 'c0000000000001', 'old', 'inbound', '+4930111', '600', 'carrier', 'sales', 'alice',
        '{"X-Line":"7"}', 1800000000000, 1800000002000, 1800000005000, 'answered', 'bye',
        500, 1500, 3000, 0),
    (5, 'c0000000000002', 'old', 'internal', 'sip:bob@example.com', '1001', NULL, NULL, NULL,
        '{}', 1800000001000, 1800000003000, NULL, NULL, NULL, 0, 0, 0, 0),
    (7, 'c0000000000003', 'old', 'inbound', '+4930333', '600', 'carrier', 'sales', NULL,
        '{}', 1800000006500, NULL, NULL, NULL, NULL, 0, 0, 0, 0);
INSERT INTO segment VALUES
    ('c0000000000001', 2, 'wait', '["p0000000000001"]',
        '{"p0000000000001":["music:default"]}', 1800000000000, 500),
    ('c0000000000001', 3, 'ring', '["p0000000000001"]', '{}', 1800000000500, 1500),
    ('c0000000000001', 4, 'talk', '["p0000000000001","p0000000000002"]', '{}',
        1800000002000, 3000),
    ('c0000000000002', 8, 'ring', '["p0000000000003"]', '{}', 1800000001000, 2000),
    ('c0000000000002', 9, 'talk', '["p0000000000003","p0000000000004"]', '{}',
        1800000003000, NULL);
INSERT INTO participant VALUES
    ('c0000000000001', 'p0000000000001', 'customer', NULL, 'sip:1@carrier',
        1800000000000, 1800000005000),
    ('c0000000000001', 'p0000000000002', 'operator', 'alice', 'sip:alice@phone',
        1800000002000, 1800000004500),
    ('c0000000000002', 'p0000000000003', 'operator', 'bob', 'sip:bob@phone', 1800000001000, NULL);
INSERT INTO task (id, call, queue, operator, offers, queued_ms, assigned_ms, ended_ms, outcome,
    wait_ms, talk_ms, wrap_up_ms) VALUES
    ('t0000000000009', 'c0000000000001', 'sales', 'alice', 2, 1800000000000, 1800000002000,
        1800000006000, 'completed', 2000, 3000, 1000),
    ('t0000000000008', 'c0000000000003', 'sales', NULL, 0, 1800000006500, NULL, NULL, NULL,
        NULL, NULL, NULL);
