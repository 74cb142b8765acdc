#!/usr/bin/env python3
"""Measures `sink` beside Postfix's smtp-sink: CPU, messages a second and memory, and writes the table.

    PATH="$(.ci/mail-programs target/mail-programs):$PATH" benches/system.py [--rounds N] [--messages N] [--write FILE]

smtp-source and `blast` deliver over loopback, to each server in its turn, and the medians of the rounds are shown. Then so many connections
say EHLO to a new server and stay. Linux alone: it reads /proc.
"""

import argparse
import atexit
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
TICKS = os.sysconf("SC_CLK_TCK")
PROGRAMS = TARGET / "release" / "examples"
LOADS = {
    "smtp-source -s 20 -l 4096": "smtp-source -s 20 -l 4096 -m {messages} {server}",
    "smtp-source -s 20 -l 4096 -d": "smtp-source -d -s 20 -l 4096 -m {messages} {server}",
    "blast, 20 sessions": f"{PROGRAMS}/blast --sessions 20 --octets 4096 --messages {{messages}} --server {{server}}",
}


class Server:
    def __init__(self, command):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = "127.0.0.1:%d" % free.getsockname()[1]
        command = command.format(server=self.address)
        self.process = subprocess.Popen(command.split(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        # Nothing is left running where this ends in the middle.
        atexit.register(self.process.kill)
        for _ in range(100):
            try:
                self.connect().close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit(f"system.py: {command} does not listen")

    def connect(self):
        host, port = self.address.split(":")
        return socket.create_connection((host, int(port)), timeout=30)

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self, field):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+)", status)[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def ratio(value, base):
    """Where so little was done that the clock did not tick there is none."""
    return f"{value / base:.2f}" if base else "-"


def servers():
    return {
        "sink": f"{PROGRAMS}/sink --listen {{server}}",
        "smtp-sink": f"smtp-sink {'-u nobody ' if os.getuid() == 0 else ''}-m 20000 {{server}} 1000",
    }


def deliver(server, load, messages):
    """CPU microseconds of the server for a message, and messages a second."""
    before, start = server.cpu(), time.monotonic()
    command = LOADS[load].format(messages=messages, server=server.address)
    subprocess.run(command.split(), check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - start
    return (server.cpu() - before) * 1e6 / messages, messages / seconds


def loads(rounds, messages):
    running = {name: Server(command) for name, command in servers().items()}
    results = {}
    for load in LOADS:
        for server in running.values():
            deliver(server, load, messages // 10)
        for _ in range(rounds):
            for name, server in running.items():
                results.setdefault((load, name), []).append(deliver(server, load, messages))
    peaks = {name: server.memory("VmHWM") for name, server in running.items()}
    for server in running.values():
        server.stop()
    medians = {key: [statistics.median(column) for column in zip(*values)] for key, values in results.items()}
    return medians, peaks


def idle(command, connections):
    """Resident octets of the server for a connection that has said EHLO and waits."""
    server = Server(command)
    talk(server, 50)
    before, kept = server.memory("VmRSS"), talk(server, connections)
    # The server takes note of what it is told at its leisure.
    time.sleep(1)
    after = server.memory("VmRSS")
    for connection in kept:
        connection.close()
    server.stop()
    return (after - before) * 1024 / connections


def talk(server, connections):
    kept = []
    for _ in range(connections):
        connection = server.connect()
        connection.recv(512)
        connection.sendall(b"EHLO client.example\r\n")
        while not re.search(rb"(^|\n)250 ", connection.recv(2048)):
            pass
        kept.append(connection)
    return kept


def table(rounds, messages, connections):
    medians, peaks = loads(rounds, messages)
    out = ["| load | server | CPU for a message | ratio | messages/s | ratio |", "|---|---|---:|---:|---:|---:|"]
    for load in LOADS:
        base = medians[load, "smtp-sink"]
        for name in servers():
            cpu, rate = medians[load, name]
            out.append(f"| {load} | {name} | {cpu:.1f} us | {ratio(cpu, base[0])} | {rate:.0f} | {ratio(rate, base[1])} |")
    out += ["", "| server | largest RSS under load | RSS an idle connection, of " + " | of ".join(f"{n:,}" for n in connections) + " |"]
    out += ["|---|---:|" + "---:|" * len(connections)]
    for name, command in servers().items():
        memory = " | ".join(f"{idle(command, n):.0f} octets" for n in connections)
        out.append(f"| {name} | {peaks[name]} KiB | {memory} |")
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--idle", type=int, nargs="+", default=[2000, 10000], metavar="CONNECTIONS")
    parser.add_argument("--write", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    missing = [name for name in ("smtp-source", "smtp-sink") if not shutil.which(name)]
    if missing:
        sys.exit(f"system.py: {' and '.join(missing)} not found; .ci/mail-programs installs them.")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    build = "cargo build --quiet --release -p smtp-proto-tokio --example sink --example blast"
    subprocess.run(build.split(), check=True, cwd=ROOT)
    text = table(options.rounds, options.messages, options.idle)
    print(text, end="")
    if options.write:
        options.write.write_text(text)


if __name__ == "__main__":
    main()
