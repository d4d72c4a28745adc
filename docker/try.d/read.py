"""What `docker/try` wants to know of files that a shell cannot read. Prints values ended by NUL."""

import json
import os
import re
import shlex
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
COMPOSE = HERE / "compose.yaml"
DASHBOARD = HERE / "grafana" / "usher.json"

# Keys of a service, and what a run without Docker makes of each.
APPLIED = {
    "build", "command", "entrypoint", "environment", "image", "networks", "stop_grace_period", "ulimits", "volumes",
}
ORDER = {"depends_on"}  # docker/try starts them in that order itself
LEFT_OUT = {"ports", "restart"}  # no host to publish to, no second start


def expanded(text):
    """`${NAME:-default}`, `${NAME}` and `$$`, as compose has them."""

    def one(match):
        if match[0] == "$$":
            return "$"
        name, default = match["name"], match["default"]
        if name is None:
            sys.exit(f"{text}: a `$` that is neither `$$` nor `${{NAME}}` nor `${{NAME:-default}}`")
        return os.environ.get(name) or default or ""

    return re.sub(r"\$\$|\$\{(?P<name>\w+)(:-(?P<default>[^}]*))?\}|\$", one, text)


def words(value):
    """A command as compose reads it: a list as it is, a text split as a shell would."""
    if value is None:
        return []
    return [expanded(word) for word in (value if isinstance(value, list) else shlex.split(value))]


def service(name):
    import yaml

    services = yaml.safe_load(COMPOSE.read_text())["services"]
    if name not in services:
        sys.exit(f"{COMPOSE}: no service {name}")
    unknown = set(services[name]) - APPLIED - ORDER - LEFT_OUT
    if unknown:
        sys.exit(f"{COMPOSE}: {name} has keys that docker/try does not know: {', '.join(sorted(unknown))}")
    return services[name]


def compose(name, what):
    """One aspect of a service: a list of texts."""
    it = service(name)
    match what:
        case "image":
            return [it["image"]]
        case "dockerfile":
            return [it["build"]["dockerfile"]] if "build" in it else []
        case "command" | "entrypoint":
            return words(it.get(what))
        case "environment":
            return [f"{key}={expanded(str(value))}" for key, value in it.get("environment", {}).items()]
        case "address":
            return [it["networks"]["default"]["ipv4_address"]] if "networks" in it else []
        case "volumes":
            return it.get("volumes", [])
        case "open-files":
            return [str(it["ulimits"]["nofile"])] if "ulimits" in it else []
        case "grace":
            return [it["stop_grace_period"].removesuffix("s")]
    sys.exit(f"no aspect {what}")


def ask(prometheus, expression):
    """The samples of an instant query that are numbers."""
    query = urllib.parse.urlencode({"query": expression})
    try:
        with urllib.request.urlopen(f"{prometheus}/api/v1/query?{query}", timeout=10) as answer:
            samples = json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        sys.exit(f"{expression}: {error.read().decode()}")
    except OSError:
        return []
    return [sample["value"][1] for sample in samples if sample["value"][1] != "NaN"]


def measured(prometheus, patience_s, calls):
    """Within so many seconds every expression of the dashboard finds something, and these hold."""
    facts = [
        'up{job="usher"} == 1',
        f'usher_calls_total{{result="answered"}} == {calls}',
        f'usher_queue_wait_seconds_count{{queue="support"}} == {calls}',
        # A caller sends 400 in eight seconds; the rest is what operators send back.
        f'usher_rtp_packets_total{{direction="in"}} > {calls} * 450',
        f'usher_rtp_packets_total{{direction="out"}} > {calls} * 450',
        "usher_calls_active == 0",
    ]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    shown = [target["expr"].replace("$__rate_interval", "1m") for panel in panels for target in panel["targets"]]
    missing = shown + facts
    deadline = time.monotonic() + float(patience_s)
    while True:
        missing = [expression for expression in missing if not ask(prometheus, expression)]
        if not missing:
            return [f"==> Prometheus finds {len(shown)} expressions of the dashboard, and the calls"]
        if time.monotonic() > deadline:
            sys.exit("\n".join(f"Prometheus finds nothing by {expression}" for expression in missing))
        time.sleep(1)


def grafana(folder):
    """Without Grafana: that its files can be read and name one another rightly."""
    import yaml

    folder = Path(folder)
    uids = {source["uid"] for source in yaml.safe_load((folder / "datasource.yaml").read_text())["datasources"]}
    for panel in json.loads((folder / "usher.json").read_text())["panels"]:
        if panel["datasource"]["uid"] not in uids:
            sys.exit(f"usher.json: {panel['title']}: no such data source")
    path = yaml.safe_load((folder / "dashboards.yaml").read_text())["providers"][0]["options"]["path"]
    mounts = [volume.split(":") for volume in service("grafana")["volumes"]]
    for mount in mounts:
        if not (folder.parent / mount[0]).is_file():
            sys.exit(f"compose.yaml: no file {mount[0]}")
    if path not in {os.path.dirname(mount[1]) for mount in mounts}:
        sys.exit(f"dashboards.yaml: nothing is mounted at {path}")
    return [f"the files of {folder} fit together"]


def calls(database):
    """How many records there are, and how many of them tell of an answered call that has ended."""
    import sqlite3

    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
        every = db.execute("SELECT count(*) FROM call").fetchone()[0]
        good = db.execute(
            "SELECT count(*) FROM call WHERE result = 'answered' AND queue = 'support'"
            " AND operator IN ('alice', 'bob') AND talk_ms > 0 AND ended_ms IS NOT NULL"
        ).fetchone()[0]
    return [str(every), str(good)]


COMMANDS = {"compose": compose, "measured": measured, "grafana": grafana, "calls": calls, "json": json.loads}

if __name__ == "__main__":
    sys.stdout.write("".join(value + "\0" for value in COMMANDS[sys.argv[1]](*sys.argv[2:])))
