#!/usr/bin/env python3
"""A receiver of webhooks in a few lines, with nothing but Python: checks who sent it, and takes each event once.

    [[webhook]]
    url = "http://127.0.0.1:9000/"
    events = ["call.*"]
    secret = "change-me-change-me"

    SECRET=change-me-change-me configs/webhook.py 9000
"""

import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ["SECRET"].encode()
seen = set()  # a real one keeps it: what is sent again has the same id


def is_ours(signature: str, body: bytes) -> bool:
    """`t=SECONDS,v1=HEX`: made with our secret, and not long ago."""
    parts = dict(part.split("=", 1) for part in signature.split(",") if "=" in part)
    sent = parts.get("t", "")
    made = hmac.new(SECRET, sent.encode() + b"." + body, "sha256").hexdigest()
    fresh = sent.isdigit() and abs(time.time() - int(sent)) < 300
    return fresh and hmac.compare_digest(made, parts.get("v1", ""))


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        good = is_ours(self.headers.get("Usher-Signature", ""), body)
        if good and self.headers["Usher-Event-Id"] not in seen:
            seen.add(self.headers["Usher-Event-Id"])
            event = json.loads(body)
            print(event["at"], event["type"], event.get("call", ""), flush=True)
        self.send_response(204 if good else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
