#!/usr/bin/env python3
"""No contract in a manifest: the first line says which it is. It also tells how it is, as services tell systemd (sd_notify)."""
import os
import signal
import socket
import struct
import sys
import threading


def notify(state):
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path:
        if path[0] == "@":
            path = "\0" + path[1:]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(state.encode(), path)


if "1" not in os.environ.get("SHMBUS_PLUGIN_VERSIONS", "").split():
    sys.exit("beacon.py is a plugin: put it into busd's plugin directory, see docs/PLUGINS.md")
out = sys.stdout.buffer
out.write(b"shmbus-plugin 1 frames\n")

stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
notify("READY=1")
topic, n = b"example/beacon", 0
while not stop.is_set():
    payload = b"%d" % n
    out.write(struct.pack(">IBB", 2 + len(topic) + len(payload), 0, len(topic)) + topic + payload)
    out.flush()
    n += 1
    notify("WATCHDOG=1\nSTATUS=%d frames" % n)
    stop.wait(0.5)
notify("STOPPING=1")
