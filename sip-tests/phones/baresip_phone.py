"""A softphone on a leash: libre/baresip by baresip-python, spoken to in lines of JSON.

usage: baresip_phone.py SIP_PORT   (on 127.0.0.1)

Each command {"do": …, …} is answered {"type": "done"} or {"type": "failed", "error": …}, both
with the command's "id". What happens by itself comes as {"type": "incoming" | "ringing" |
"established" | "closed" | "dtmf" | "held" | "resumed", "call": N, …}.
"""

import asyncio
import base64
import json
import math
import os
import struct
import sys

# The stack prints on stdout; our lines go where nothing else does.
LINES = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

from baresip import Config, Runtime, UserAgent  # noqa: E402
from baresip.errors import AudioNotActive, AudioRestarted  # noqa: E402
from baresip.events import Event  # noqa: E402

FRAME_S = 0.02
KEPT_S = 0.4


def tell(kind, **fields):
    LINES.write(json.dumps({"type": kind, **fields}) + "\n")


class Line:
    """One call: its tone, and the last moments of what it hears."""

    def __init__(self, number, call):
        self.number, self.call, self.hz, self.phase = number, call, 0.0, 0
        self.heard, self.rate = bytearray(), 8000
        self.pump = asyncio.ensure_future(self.run())
        call.on(self.on_event)
        call.on_dtmf(lambda digit: tell("dtmf", call=number, digit=str(digit.digit)))

    def on_event(self, event):
        names = {
            Event.CALL_RINGING: "ringing",
            Event.CALL_ESTABLISHED: "established",
            Event.CALL_CLOSED: "closed",
            Event.CALL_HOLD: "held",
            Event.CALL_RESUME: "resumed",
        }
        if event.event in names:
            tell(names[event.event], call=self.number, text=event.text or "")
        if event.event is Event.CALL_CLOSED:
            self.pump.cancel()

    async def run(self):
        while True:
            try:
                self.turn()
            except (AudioNotActive, AudioRestarted):
                # Before the answer, and once after each re-INVITE.
                self.heard.clear()
            await asyncio.sleep(FRAME_S)

    def turn(self):
        info = self.call.audio.info()
        if info.rx_ready:
            self.rate = info.rx_sample_rate * max(info.rx_channels, 1)
            self.heard += self.call.audio.read(65536)
            kept = int(self.rate * KEPT_S) * 2
            del self.heard[:-kept]
        if info.tx_ready and self.hz:
            rate, channels = info.tx_sample_rate, max(info.tx_channels, 1)
            missing = int(rate * 0.1) - info.tx_buffered // 2 // channels
            if missing > 0:
                step = 2 * math.pi * self.hz / rate
                some = range(self.phase, self.phase + missing)
                pcm = [int(8000 * math.sin(step * n)) for n in some for _ in range(channels)]
                self.phase += missing
                self.call.audio.write(struct.pack(f"<{len(pcm)}h", *pcm))


class Phone:
    def __init__(self):
        # What befell calls before anybody knew their number.
        self.lines, self.users, self.early = [], [], []

    async def start(self, port):
        self.runtime = Runtime()
        await self.runtime.start(
            Config(
                net_interface="127.0.0.1",
                audio_driver="aumem",
                max_concurrent_calls=8,
                expose_headers=("X-Usher-Call", "X-Usher-Queue"),
                extra_config_text=f"sip_listen 127.0.0.1:{port}\n",
            )
        )

        self.runtime.subscribe(self.on_event)

    def on_event(self, event):
        if event.call and all(event.call != line.call.handle for line in self.lines):
            self.early.append(event)

    def add(self, call):
        self.lines.append(Line(len(self.lines), call))
        for event in self.early:
            if event.call == call.handle:
                self.lines[-1].on_event(event)
        return self.lines[-1]

    async def command(self, do, **a):
        line = self.lines[a["call"]] if "call" in a else None
        if do in ("account", "register"):
            agent = await UserAgent.create(self.runtime, a["account"])
            self.users.append(agent)
            agent.on_incoming(
                lambda call: tell("incoming", call=self.add(call).number)
            )
            if do == "register":
                await agent.register()
        elif do == "unregister":
            await self.users[-1].unregister()
        elif do == "dial":
            return {"call": self.add(await self.users[-1].dial(a["uri"])).number}
        elif do == "answer":
            await line.call.answer()
        elif do == "reject":
            await line.call.reject()
        elif do == "hangup":
            await line.call.hangup()
        elif do == "hold":
            await line.call.hold()
        elif do == "resume":
            await line.call.resume()
        elif do == "transfer":
            # It waits for the end of the transfer, which the other sides see as well.
            self.task = asyncio.ensure_future(line.call.transfer(a["uri"]))
        elif do == "join":
            await line.call.attended_transfer(self.lines[a["other"]].call)
        elif do == "tone":
            line.hz = a["hz"]
        elif do == "dtmf":
            await line.call.send_dtmf(a["digits"])
        elif do == "hear":
            pcm = base64.b64encode(bytes(line.heard)).decode()
            line.heard.clear()
            return {"rate": line.rate, "pcm": pcm}
        else:
            raise ValueError(f"no such command: {do}")
        return {}


async def main():
    phone = Phone()
    await phone.start(int(sys.argv[1]))
    tell("ready")
    loop = asyncio.get_running_loop()
    while text := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(text)
        number = command.pop("id")
        try:
            answer = await phone.command(**command)
            tell("done", id=number, **answer)
        except Exception as error:  # what went wrong is the test's to judge
            tell("failed", id=number, error=f"{type(error).__name__}: {error}")
    # Closed: gone as a phone without power is gone.
    os._exit(0)


asyncio.run(main())
