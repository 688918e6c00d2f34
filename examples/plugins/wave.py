#!/usr/bin/env python3
"""Contract frames: standard output is frames, each with a topic of its own. Nothing but Python's standard library."""
import json
import math
import os
import struct
import sys
import time


def publish(topic, payload, kind=0):
    name = topic.encode()
    sys.stdout.buffer.write(struct.pack(">IBB", 2 + len(name) + len(payload), kind, len(name)) + name + payload)
    sys.stdout.buffer.flush()


config = {"hertz": 1.0, "every": 0.1, **json.loads(os.environ.get("SHMBUS_PLUGIN_CONFIG", "{}"))}
print("publishing", config, file=sys.stderr)  # standard output is for frames only
start = time.monotonic()
while True:
    t = time.monotonic() - start
    for name, f in ("sine", math.sin), ("cosine", math.cos):
        value = f(2 * math.pi * config["hertz"] * t)
        publish("example/wave/" + name, struct.pack(">Bd", 0xCB, value), kind=1)  # a float, as msgpack has it
    time.sleep(config["every"])
