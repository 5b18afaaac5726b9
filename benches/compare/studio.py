"""In front of Label Studio: media of a task against its own resolver, and opening a page directly and through the gateway."""
import base64
import http.client
import json
import os
import pathlib
import queue
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

from peers import ROOT, Peer, free_port

TOKEN = "5ca1ab1e00c0ffee00ba5eba1100f00d00facade"
# What the Data Manager asks for when it is opened for the first time, as a browser was seen to.
PAGE = """/projects/{project}/data /static/fonts/Figtree-Regular.ttf /static/fonts/Figtree-SemiBold.ttf
/react-app/main.css?v=df96d7 /react-app/runtime.js?v=df96d7 /react-app/vendor.js?v=1 /react-app/main.js?v=df96d7
/static/js/jquery.min.e6c2415c0ace.js /react-app/855.css /react-app/167.css /react-app/358.css /react-app/594.js
/react-app/855.js /api/projects/{project} /react-app/167.js /api/current-user/whoami /react-app/288.js /react-app/358.js
/static/images/favicon.8992b8aa4126.ico /api/ml?project={project} /api/dm/columns?project={project}
/api/dm/views?project={project} /api/users?project={project} /api/dm/project?project={project}
/api/tasks?page=1&page_size=30&project={project}""".split()
# As many as a browser opens to one host over HTTP/1.1.
LINES = 6


class Studio:
    """Label Studio with a project whose task lies in the origin, and a gateway before both."""

    def __init__(self, bench):
        self.bench, self.port, self.folder = bench, free_port(), bench.folder / "studio"
        self.folder.mkdir()
        bin = ROOT / ".cache/peers/label-studio/bin"
        shutil.copy(bin / "../template.sqlite3", self.folder / "label_studio.sqlite3")
        environment = os.environ | {
            "LABEL_STUDIO_BASE_DATA_DIR": str(self.folder), "SSRF_PROTECTION_ENABLED": "false", "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": "", "DISABLE_SIGNUP_WITHOUT_LINK": "true"}
        command = [str(bin / "label-studio"), "start", "--no-browser", "--internal-host", "127.0.0.1", "-p", str(self.port),
                   "--data-dir", str(self.folder), "--username", "root@example.com", "--password", "root of the install",
                   "--user-token", TOKEN, "--enable-legacy-api-token"]
        self.child = bench.spawn(command, self.port, env=environment)
        self.until(lambda: self.ask("GET", "/api/version") or True)
        self.project = self.ask("POST", "/api/projects/", {"title": "bench", "label_config": '<View><Image name="i" value="$image"/></View>'})["id"]
        self.ask("POST", "/api/storages/s3/", {
            "project": self.project, "bucket": "bench", "prefix": "objects", "s3_endpoint": f"http://127.0.0.1:{bench.origin_port}",
            "region_name": "eu-central-1", "aws_access_key_id": "a", "aws_secret_access_key": "b", "use_blob_urls": True, "presign": False})
        uri = "s3://bench/objects/20KiB"
        task = self.ask("POST", "/api/tasks/", {"project": self.project, "data": {"image": uri}})["id"]
        self.media = f"/tasks/{task}/resolve/?fileuri={base64.urlsafe_b64encode(uri.encode()).decode()}"
        self.task = f"/api/tasks/{task}"

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Token {TOKEN}", "content-type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text.startswith((b"{", b"[")) else None

    @staticmethod
    def until(done):
        for _ in range(300):
            try:
                found = done()
                if found:
                    return found
            except (OSError, urllib.error.URLError):
                pass
            time.sleep(0.1)
        sys.exit("Label Studio, or the gateway before it, is not ready after 30 s")

    def directly(self):
        peer = Peer("Label Studio itself", self.child, {"http1": f"http://127.0.0.1:{self.port}"}, {"authorization": f"Token {TOKEN}"})
        peer.path = self.media
        return peer

    def bearer(self):
        """What opens its HTML pages, as a signed-in browser's cookie would."""
        lasting = self.ask("POST", "/api/token/")["token"]
        return self.ask("POST", "/api/token/refresh/", {"refresh": lasting})["access"]

    def gateway(self):
        """The gateway's process by its three ways to the object, with one member."""
        peer, run = self.bench.gateway_before(self.port, [self.bench.origin_port])
        name = f"bench-{self.project}"
        common = ["--organization", "bench"]
        self.until(lambda: name in run("project", "list", *common))
        run("storage", "create", "--project", name, "--name", "media", *common, "--bucket", "bench", "--prefix", "objects/",
            "--region", "eu-central-1", "--endpoint", f"http://127.0.0.1:{self.bench.origin_port}", "--addressing", "path")
        run("project", "member", "add", "--name", name, "--email", "bench@example.com", "--role", "manager", *common)
        self.until(lambda: self.status(peer, self.media) == 200)
        peer.path = self.media
        return peer

    @staticmethod
    def status(peer, path):
        command = ["curl", "-sk", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}",
                   *[part for name, value in peer.headers.items() for part in ("-H", f"{name}: {value}")], peer.urls["tls-http1"] + path]
        return int(subprocess.run(command, capture_output=True, text=True, check=False).stdout)


def measure(bench, asked, load):
    """Rows for media, and milliseconds for opening a page; `load(peer, protocol, size, seconds, connections)`."""
    studio = Studio(bench)
    direct, gateway = studio.directly(), studio.gateway()
    rows = []
    for connections in (1, 16):
        samples = {"Label Studio itself": [], "Sluicegate": []}
        for _ in range(asked.rounds):
            samples["Label Studio itself"].append(load(direct, "http1", "20KiB", asked.seconds, connections))
            samples["Sluicegate"].append(load(gateway, "tls-http1", "20KiB", asked.seconds, connections))
        for name, runs in samples.items():
            rows.append({"connections": connections, "peer": name, **{field: statistics.median(run[field] for run in runs) for field in runs[0]}})
    paths = [path.format(project=studio.project) for path in PAGE]
    ways = {"directly": (("127.0.0.1", studio.port, None), {"authorization": f"Bearer {studio.bearer()}"}),
            "through the gateway": (("127.0.0.1", int(gateway.urls["tls-http1"].rsplit(":", 1)[1]), unverified()), gateway.headers)}
    pages = {name: {"first": [], "again": []} for name in ways}
    for _ in range(max(3, asked.rounds)):
        for name, (place, headers) in ways.items():
            kept = {}
            pages[name]["first"].append(opened(place, headers, paths, kept))
            pages[name]["again"].append(opened(place, headers, paths, kept))
    return rows, [{"way": name, "first_ms": statistics.median(first for first, _ in one["first"]), "first_kib": one["first"][0][1] / 1024,
                   "again_ms": statistics.median(again for again, _ in one["again"]), "again_kib": one["again"][0][1] / 1024}
                  for name, one in pages.items()]


def unverified():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def opened(place, headers, paths, kept):
    """Asks for all of a page as a browser would: the shell first, then the rest on a few lines; what it was told to keep it
    keeps, what it may ask about again it does. Milliseconds and bytes."""
    begin, read = time.monotonic(), []
    first, *rest = [path for path in paths if kept.get(path) != "for ever"]
    fetch(Line(place), first, headers, kept, read)
    waiting = queue.SimpleQueue()
    for path in rest:
        waiting.put(path)

    def work():
        line = Line(place)
        while True:
            try:
                path = waiting.get_nowait()
            except queue.Empty:
                return
            fetch(line, path, headers, kept, read)

    workers = [threading.Thread(target=work) for _ in range(LINES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if len(read) != len(rest) + 1:
        sys.exit("a part of the page failed")
    return (time.monotonic() - begin) * 1e3, sum(read)


class Line:
    """One connection, opened again when the other side has closed it."""

    def __init__(self, place):
        host, port, context = place
        self.connection = (http.client.HTTPSConnection(host, port, context=context, timeout=60) if context
                           else http.client.HTTPConnection(host, port, timeout=60))
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path, headers):
        self.connection.request("GET", path, headers=headers)
        answer = self.connection.getresponse()
        return answer, answer.read()


def fetch(line, path, headers, kept, read):
    asked = headers | {"accept-encoding": "gzip"} | kept.get(path, {})
    answer, body = line.get(path, asked)
    if answer.status not in (200, 304):
        sys.exit(f"{path}: {answer.status}")
    if "max-age" in (answer.headers.get("cache-control") or ""):
        kept[path] = "for ever"
    elif tag := answer.headers.get("etag"):
        kept[path] = {"if-none-match": tag}
    elif date := answer.headers.get("last-modified"):
        kept[path] = {"if-modified-since": date}
    read.append(len(body))


def report(rows, pages):
    print("\nMedia of a task, 20 KiB in the same origin: Label Studio's resolver (HTTP/1.1) and the gateway (TLS, HTTP/1.1):\n")
    print("| connections | peer | requests/s | × Label Studio | p50 ms | p99 ms | CPU µs/request |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        theirs = next(one["rate"] for one in rows if one["connections"] == row["connections"] and one["peer"].startswith("Label"))
        print(f"| {row['connections']} | {row['peer']} | {row['rate']:.0f} | {row['rate'] / theirs:.0f} | {row['p50_ms']:.2f} | "
              f"{row['p99_ms']:.2f} | {row['cpu_us']:.0f} |")
    print(f"\nThe Data Manager's {len(PAGE)} requests, {LINES} at a time, opened for the first time and again:\n")
    print("| way | first, ms | KiB | again, ms | KiB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for row in pages:
        print(f"| {row['way']} | {row['first_ms']:.0f} | {row['first_kib']:.0f} | {row['again_ms']:.0f} | {row['again_kib']:.0f} |")
