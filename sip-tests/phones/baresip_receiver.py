"""What a listener at baresip hears of a trace of packets.

usage: baresip_receiver.py SIP_PORT CODEC TRACE OUT   (CODEC: PCMU, PCMA, G722 or opus)

TRACE has a line per packet, `MICROSECONDS HEX`. baresip is called on SIP_PORT of 127.0.0.1 by an
INVITE made of text, answers, and is sent the packets at their times; what its audio player plays
goes to OUT, a wav file. Its jitter and audio buffers are as they come.
"""

import asyncio
import socket
import sys
import threading
import time

from baresip import Config, Runtime, UserAgent

# Its name in accounts, and the payload type and `rtpmap` of the offer.
CODECS = {
    "PCMU": ("pcmu", "0 PCMU/8000"),
    "PCMA": ("pcma", "8 PCMA/8000"),
    "G722": ("g722/16000/1", "9 G722/8000"),
    "opus": ("opus/48000/2", "96 opus/48000/2"),
}
AFTER_S = 0.7


class Caller:
    """A user agent of one INVITE."""

    def __init__(self, port, codec):
        self.to, self.codec = ("127.0.0.1", port), codec
        self.signalling = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.signalling.bind(("127.0.0.1", 0))
        self.signalling.settimeout(5)
        self.media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.media.bind(("127.0.0.1", 0))
        self.to_tag = ""

    def send(self, method, sequence, body=""):
        port = self.signalling.getsockname()[1]
        lines = [
            f"{method} sip:listener@127.0.0.1:{self.to[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{method}{sequence}",
            "Max-Forwards: 70",
            f"From: <sip:caller@127.0.0.1:{port}>;tag=1",
            f"To: <sip:listener@127.0.0.1:{self.to[1]}>{self.to_tag}",
            f"Call-ID: quality-{port}",
            f"CSeq: {sequence} {method}",
            f"Contact: <sip:caller@127.0.0.1:{port}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        text = "\r\n".join(lines) + "\r\n\r\n" + body
        self.signalling.sendto(text.encode(), self.to)

    def call(self):
        """Returns where the media goes."""
        number = self.codec.split()[0]
        body = "\r\n".join([
            "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
            f"m=audio {self.media.getsockname()[1]} RTP/AVP {number}",
            f"a=rtpmap:{self.codec}", "a=sendrecv", "",
        ])
        self.send("INVITE", 1, body)
        while True:
            answer = self.signalling.recv(65536).decode()
            status = int(answer.split()[1]) if answer.startswith("SIP/2.0") else 0
            if status >= 300:
                raise RuntimeError(answer)
            if status >= 200:
                break
        to = next(line for line in answer.split("\r\n") if line.lower().startswith("to:"))
        self.to_tag = ";tag=" + to.split(";tag=")[1]
        self.send("ACK", 1)
        media = next(line for line in answer.split("\r\n") if line.startswith("m=audio"))
        return ("127.0.0.1", int(media.split()[1]))

    def play(self, path):
        """Calls, sends the packets of a file at their times, and hangs up."""
        with open(path) as lines:
            packets = [line.split() for line in lines]
        packets = [(int(at) / 1e6, bytes.fromhex(data)) for at, data in packets]
        to = self.call()
        begin = time.monotonic() + 0.1
        for at, data in packets:
            time.sleep(max(0, begin + at - time.monotonic()))
            self.media.sendto(data, to)
        time.sleep(AFTER_S)
        self.send("BYE", 2)
        time.sleep(0.3)


async def main(port, codec, trace, out):
    account, rtpmap = CODECS[codec]
    runtime = Runtime()
    await runtime.start(
        Config(
            net_interface="127.0.0.1",
            audio_driver="aumem",
            audio_player=f"aufile,{out}",
            extra_config_text=f"sip_listen 127.0.0.1:{port}\n",
        )
    )
    agent = await UserAgent.create(
        runtime, f"<sip:listener@127.0.0.1>;regint=0;answermode=manual;audio_codecs={account}"
    )
    tasks = []
    agent.on_incoming(lambda call: tasks.append(asyncio.ensure_future(call.answer())))
    caller = threading.Thread(target=Caller(int(port), rtpmap).play, args=(trace,))
    caller.start()
    while caller.is_alive():
        await asyncio.sleep(0.05)
    await runtime.close()


asyncio.run(main(*sys.argv[1:]))
