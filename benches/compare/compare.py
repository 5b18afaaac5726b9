"""Measures CPU time per answered request of each peer, alternating between them, and prints a table and JSON.

CPU time is user + system of the whole process tree from /proc, divided by answered requests: it repeats within a few
per cent where a rate on a shared machine does not. A run with one wrong status or length does not count: it ends all.
"""
import argparse
import json
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile

import studio
from peers import SIZES, Bench

ROWS = [(protocol, size) for size in SIZES for protocol in ("http1", "tls-http1", "tls-http2")]
CONNECTIONS = 64


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json", default="target/compare.json")
    options.add_argument("--only", default="", help="rows or peers whose name holds one of these words, by comma")
    asked = options.parse_args()
    words = [word for word in asked.only.split(",") if word]
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="compare-") as folder:
        pathlib.Path(folder).chmod(0o755)
        bench = Bench(folder)
        try:
            bench.certificates()
            origin = bench.origin()
            peers = [] if words == ["label-studio"] else [
                bench.bare_nginx(), bench.envoy(), bench.sluicegate("async"), bench.sluicegate("before-bytes")]
            results = measure(peers, asked, words) if peers else []
            waits = [] if words else wait_at_16_connections([origin, *peers], asked)
            before_studio = studio.measure(bench, asked, load) if not words or "label-studio" in words else ([], [])
        finally:
            bench.stop()
    report(results, waits, before_studio, asked)


def wait_at_16_connections(peers, asked):
    """How long a whole 20 KiB answer takes over HTTP/1.1 in clear text, directly and through each peer."""
    samples = {peer.name: [] for peer in peers}
    for _ in range(asked.rounds):
        for peer in peers:
            samples[peer.name].append(http1(peer, "http1", "20KiB", asked.seconds, connections=16))
    direct = peers[0].name
    middle = {name: {mark: statistics.median(run[mark] for run in runs) for mark in ("p50_ms", "p99_ms")} for name, runs in samples.items()}
    return [{"peer": name, **row, "added_p50_ms": row["p50_ms"] - middle[direct]["p50_ms"],
             "added_p99_ms": row["p99_ms"] - middle[direct]["p99_ms"]} for name, row in middle.items()]


def measure(peers, asked, words):
    results = []
    for protocol, size in ROWS:
        if words and not any(word in f"{protocol} {size}" for word in words):
            continue
        chosen = [peer for peer in peers if protocol in peer.urls]
        samples = {peer.name: [] for peer in chosen}
        for peer in chosen:
            check_one(peer, protocol, size)
            load(peer, protocol, size, 1)
        for round_number in range(asked.rounds):
            for peer in chosen:
                if sys.stderr.isatty():
                    print(f"\r{size} {protocol} round {round_number + 1}/{asked.rounds} {peer.name:<40}", end="", file=sys.stderr, flush=True)
                samples[peer.name].append(load(peer, protocol, size, asked.seconds))
        for name, runs in samples.items():
            middle = {field: statistics.median(run[field] for run in runs) for field in runs[0]}
            results.append({"size": size, "protocol": protocol, "peer": name, **middle})
    if sys.stderr.isatty():
        print("\r" + " " * 80 + "\r", end="", file=sys.stderr)
    return results


def load(peer, protocol, size, seconds, connections=CONNECTIONS):
    before = peer.cpu_seconds()
    measured = http2(peer, protocol, size, seconds) if protocol == "tls-http2" else http1(peer, protocol, size, seconds, connections)
    used = peer.cpu_seconds() - before
    return {"cpu_us": used / measured["requests"] * 1e6, "resident_mib": peer.resident_mib(), **measured}


def http1(peer, protocol, size, seconds, connections=CONNECTIONS):
    headers = [part for name, value in peer.headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *headers, peer.url(protocol, size)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    requests = int(re.search(r"(\d+) requests in", text)[1])
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"{peer.name}, {protocol}, {size}: wrong answers\n{text}")
    read = quantity(re.search(r"requests in [\d.]+\w+, ([\d.]+)(\w+) read", text))
    check_length(peer, size, read, requests)
    latency = {mark: milliseconds(re.search(rf"\s{mark}%\s+([\d.]+)(\w+)", text)) for mark in ("50", "99")}
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    return {"requests": requests, "rate": rate, "p50_ms": latency["50"], "p99_ms": latency["99"]}


def http2(peer, protocol, size, seconds):
    headers = [part for name, value in peer.headers.items() for part in ("-H", f"{name}: {value}")]
    log = pathlib.Path(tempfile.mkstemp(dir="/dev/shm")[1])
    try:
        command = ["h2load", "-t1", "-c16", f"-m{CONNECTIONS // 16}", f"-D{seconds}", f"--log-file={log}", *headers, peer.url(protocol, size)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows = [line.split("\t") for line in log.read_text().splitlines()]
    finally:
        log.unlink()
    times = sorted(int(row[2]) for row in rows if len(row) == 3)
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text)
    bad = sum(int(codes[index]) for index in (2, 3, 4))
    if bad or not times or any(row[1] != "200" for row in rows if len(row) == 3):
        sys.exit(f"{peer.name}, {protocol}, {size}: wrong answers\n{text}")
    requests = int(codes[1])
    data = int(re.search(r"headers \(space savings [\d.]+%\), [\d.]+\w+ \((\d+)\) data", text)[1])
    check_length(peer, size, data, requests)
    return {"requests": requests, "rate": requests / seconds, "p50_ms": times[len(times) // 2] / 1e3, "p99_ms": times[len(times) * 99 // 100] / 1e3}


def check_one(peer, protocol, size):
    """One answer, read whole, to the byte."""
    headers = [part for name, value in peer.headers.items() for part in ("-H", f"{name}: {value}")]
    version = "--http2" if protocol == "tls-http2" else "--http1.1"
    body = subprocess.run(["curl", "-sk", version, "--fail", *headers, peer.url(protocol, size)], capture_output=True, check=True).stdout
    if len(body) != SIZES[size]:
        sys.exit(f"{peer.name}, {protocol}, {size}: {len(body)} bytes")


def check_length(peer, size, read, requests):
    """The bytes read must be the answers' bodies plus what heads add. The load programs cut their count at the ends of a
    run: an answer in flight on each stream may be missing or be counted."""
    least, most = max(0, requests - CONNECTIONS) * SIZES[size] * 0.99, (requests + CONNECTIONS) * (SIZES[size] + 2048) * 1.01
    if not least <= read <= most:
        sys.exit(f"{peer.name}: {read} bytes for {requests} answers of {size}: wrong lengths")


def quantity(match):
    return float(match[1]) * {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}[match[2]]


def milliseconds(match):
    return float(match[1]) * {"us": 1e-3, "ms": 1, "s": 1e3}[match[2]]


def report(results, waits, before_studio, asked):
    machine = f"{platform.machine()}, {len(pathlib.Path('/proc/cpuinfo').read_text().split('processor	')) - 1} cores, Linux {platform.release()}"
    print(f"{machine}; {CONNECTIONS} connections, {asked.rounds} rounds of {asked.seconds} s, medians\n")
    print("| object | protocol | peer | CPU µs/request | × nginx bare | requests/s | p50 ms | p99 ms | MiB resident |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in results:
        bare = next(one["cpu_us"] for one in results
                    if one["peer"].startswith("nginx") and (one["size"], one["protocol"]) == (row["size"], row["protocol"]))
        row["ratio_to_nginx"] = row["cpu_us"] / bare
        print(f"| {row['size']} | {row['protocol']} | {row['peer']} | {row['cpu_us']:.1f} | {row['ratio_to_nginx']:.2f} | "
              f"{row['rate']:.0f} | {row['p50_ms']:.2f} | {row['p99_ms']:.2f} | {row['resident_mib']:.0f} |")
    if waits:
        print("\nA whole 20 KiB answer over HTTP/1.1, 16 connections that ask without a pause:\n")
        print("| peer | p50 ms | p99 ms | added to p50 | added to p99 |")
        print("| --- | ---: | ---: | ---: | ---: |")
        for row in waits:
            print(f"| {row['peer']} | {row['p50_ms']:.2f} | {row['p99_ms']:.2f} | {row['added_p50_ms']:.2f} | {row['added_p99_ms']:.2f} |")
    if before_studio[0]:
        studio.report(*before_studio)
    path = pathlib.Path(asked.json)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine, "connections": CONNECTIONS, "rounds": asked.rounds,
                                "seconds": asked.seconds, "rows": results, "waits": waits,
                                "media": before_studio[0], "pages": before_studio[1]}, indent=2))
    print(f"\nas JSON: {path}", file=sys.stderr)


main()
