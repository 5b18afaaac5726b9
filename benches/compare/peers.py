"""Starts what is compared: an origin in memory, nginx as a bare proxy, Envoy with sign-in and signing, and Sluicegate."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZES = {"20KiB": 20 * 1024, "1MiB": 1024 * 1024}
KEY_ID, SECRET = "AKIABENCHBENCHBENCH0", "bench-secret-bench-secret-bench-secret-0"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, child):
    for _ in range(600):
        if child.poll() is not None:
            raise SystemExit(f"{child.args[0]} ended with {child.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nobody listens on {port}")


class Peer:
    """One process under test: its name, its addresses by protocol, what a request to it looks like."""

    def __init__(self, name, child, urls, headers=None, path="/bench/objects/{size}"):
        self.name, self.child, self.urls = name, child, urls
        self.headers, self.path = headers or {}, path

    def url(self, protocol, size):
        return self.urls[protocol] + self.path.format(size=size)

    def processes(self):
        """The process and all its descendants."""
        found, queue = [], [self.child.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
                queue += [int(child) for child in task.read_text().split()]
        return found

    def cpu_seconds(self):
        ticks = 0
        for pid in self.processes():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_mib(self):
        pages = 0
        for pid in self.processes():
            pages += int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Bench:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.children = []
        self.origin_port = free_port()

    def spawn(self, command, port, **options):
        log = open(self.folder / f"{pathlib.Path(command[0]).name}-{port}.log", "wb")
        child = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **options)
        self.children.append(child)
        wait_for(port, child)
        return child

    def stop(self):
        for child in reversed(self.children):
            child.terminate()
        for child in self.children:
            child.wait(20)

    def certificates(self):
        subprocess.run([ROOT / "certs/make", self.folder, "localhost", "127.0.0.1"], check=True, stderr=subprocess.DEVNULL)

    def nginx(self, name, port, http):
        config = self.folder / f"{name}.conf"
        config.write_text(f"""
daemon off; worker_processes 2; pid {self.folder}/{name}.pid; error_log {self.folder}/{name}-error.log error;
events {{ worker_connections 16384; }}
http {{ access_log off; keepalive_requests 100000000; default_type application/octet-stream; tcp_nodelay on;
        client_body_temp_path {self.folder}/{name}-body; proxy_temp_path {self.folder}/{name}-proxy;
        fastcgi_temp_path {self.folder}/{name}-f; uwsgi_temp_path {self.folder}/{name}-u; scgi_temp_path {self.folder}/{name}-s;
{http} }}""")
        return self.spawn(["nginx", "-c", str(config), "-p", str(self.folder)], port)

    def origin(self):
        """Objects served from memory by nginx, as `/bucket/key` like a store with path-style addresses."""
        store = self.folder / "store/bench/objects"
        store.mkdir(parents=True)
        for name, length in SIZES.items():
            (store / name).write_bytes(os.urandom(length))
        child = self.nginx("origin", self.origin_port, f"""
    server {{ listen 127.0.0.1:{self.origin_port} backlog=4096; root {self.folder}/store; sendfile on; etag on;
              # Label Studio looks whether there is anything, before it takes a storage.
              location = /bench {{ return 200 '<ListBucketResult><KeyCount>1</KeyCount></ListBucketResult>'; }} }}""")
        return Peer("the origin itself", child, {"http1": f"http://127.0.0.1:{self.origin_port}"})

    def bare_nginx(self):
        ports = {protocol: free_port() for protocol in ("http1", "tls-http1", "tls-http2")}
        location = "location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ''; }"
        tls = f"ssl_certificate {self.folder}/chain.pem; ssl_certificate_key {self.folder}/key.pem; ssl_session_cache shared:s:8m;"
        child = self.nginx("bare", ports["http1"], f"""
    upstream origin {{ server 127.0.0.1:{self.origin_port}; keepalive 256; keepalive_requests 100000000; }}
    server {{ listen 127.0.0.1:{ports['http1']} backlog=4096; {location} }}
    server {{ listen 127.0.0.1:{ports['tls-http1']} ssl backlog=4096; {tls} {location} }}
    server {{ listen 127.0.0.1:{ports['tls-http2']} ssl http2 backlog=4096; http2_max_requests 100000000; {tls} {location} }}""")
        return Peer("nginx, bare proxy_pass", child, urls(ports))

    def envoy(self):
        ports = {"http1": free_port(), "tls-http2": free_port()}
        token, jwks = json_web_token()
        listeners = [
            envoy_listener("http1", ports["http1"], jwks, None),
            envoy_listener("tls-http2", ports["tls-http2"], jwks, self.folder),
        ]
        config = {
            "static_resources": {
                "listeners": listeners,
                "clusters": [{
                    "name": "origin", "type": "STATIC", "connect_timeout": "5s",
                    "load_assignment": {"cluster_name": "origin", "endpoints": [{"lb_endpoints": [{"endpoint": {
                        "address": {"socket_address": {"address": "127.0.0.1", "port_value": self.origin_port}}}}]}]},
                    "circuit_breakers": {"thresholds": [{"max_connections": 8192, "max_pending_requests": 8192, "max_requests": 8192}]},
                }],
            }
        }
        path = self.folder / "envoy.json"
        path.write_text(json.dumps(config))
        binary = next((ROOT / ".cache/peers/envoy").glob("lib/python*/site-packages/envoy/_bin/envoy"))
        environment = os.environ | {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "eu-central-1",
                                    "AWS_EC2_METADATA_DISABLED": "true"}
        command = [str(binary), "-c", str(path), "--concurrency", "2", "--log-level", "error", "--use-dynamic-base-id"]
        child = self.spawn(command, ports["http1"], env=environment)
        return Peer("Envoy: JWT + RBAC + AWS signing", child, urls(ports), {"authorization": f"Bearer {token}"})

    def sluicegate(self, durability):
        peer, run = self.gateway(f"gate-{durability}", durability, [self.origin_port])
        common = ["--organization", "bench"]
        run("project", "create", "--name", "bench", *common)
        run("storage", "create", "--project", "bench", "--name", "media", *common, "--bucket", "bench", "--prefix", "objects/",
            "--region", "eu-central-1", "--endpoint", f"http://127.0.0.1:{self.origin_port}", "--addressing", "path")
        run("project", "member", "add", "--name", "bench", "--email", "bench@example.com", "--role", "annotator", *common)
        peer.start()
        return peer

    def gateway_before(self, port, private):
        """One that stands before a Label Studio."""
        folder = self.folder / "gate-studio"
        more = f"""
[label_studio]
url = "http://127.0.0.1:{port}"
token = {{ file = "studio-token" }}
organization = "bench"
"""
        peer, run = self.gateway(folder.name, "async", [port, *private], more)
        secret(folder / "studio-token", "5ca1ab1e00c0ffee00ba5eba1100f00d00facade")
        peer.start()
        return peer, run

    def gateway(self, name, durability, private, more=""):
        """One with an organization and a member that is not started yet, and what runs its verbs."""
        folder = self.folder / name
        folder.mkdir()
        ports = {"http1": free_port(), "tls": free_port(), "operations": free_port()}
        for name in ("chain.pem", "key.pem"):
            shutil.copy(self.folder / name, folder / name)
        secret(folder / "seal.key", base64.b64encode(bytes(range(32))).decode())
        secret(folder / "id", KEY_ID)
        secret(folder / "secret", SECRET)
        (folder / "sluicegate.toml").write_text(f"""
[listen]
address = "127.0.0.1:{ports['tls']}"
hosts = ["localhost", "127.0.0.1"]
certificates = [{{ chain = "chain.pem", key = "key.pem" }}]
clear_text = {{ address = "127.0.0.1:{ports['http1']}", mode = "serve" }}
threads = 2
[operations]
address = "127.0.0.1:{ports['operations']}"
[records]
file = "records.sqlite"
[seal]
key = {{ file = "seal.key" }}
[audit]
folder = "audit"
durability = "{durability}"
[policy]
requests_per_second = 1000000
burst = 1000000
[outbound]
allow_private = {json.dumps([f"127.0.0.1:{port}" for port in private])}
[credentials.default]
kind = "static"
access_key_id = {{ file = "id" }}
secret_access_key = {{ file = "secret" }}
[log]
level = "warn"
{more}""")
        program = str(ROOT / "target/release/sluicegate")

        def run(*arguments):
            return subprocess.run([program, *arguments, "--config", "sluicegate.toml"], cwd=folder, check=True,
                                  capture_output=True, text=True).stdout

        if more:
            secret(folder / "studio-token", "not known yet")
        run("account", "create", "--email", "bench@example.com", "--organization", "bench", "--no-password")
        token = next(word for word in run("token", "create", "--email", "bench@example.com", "--name", "bench").split()
                     if word.startswith("sgt_"))
        addresses = {"http1": f"http://127.0.0.1:{ports['http1']}", "tls-http1": f"https://127.0.0.1:{ports['tls']}",
                     "tls-http2": f"https://127.0.0.1:{ports['tls']}"}
        peer = Peer(f"Sluicegate, audit {durability}", None, addresses, {"authorization": f"Bearer {token}"}, "/-/objects/bench/media/{size}")

        def start():
            peer.child = self.spawn([program, "serve", "--config", str(folder / "sluicegate.toml")], ports["tls"])

        peer.start = start
        return peer, run


def secret(path, text):
    path.write_text(text)
    path.chmod(0o600)


def urls(ports):
    return {name: f"{'https' if name.startswith('tls') else 'http'}://127.0.0.1:{port}" for name, port in ports.items()}


def json_web_token():
    def encoded(raw):
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    key = hashlib.sha256(b"bench").digest()
    head = encoded(b'{"alg":"HS256","typ":"JWT","kid":"bench"}')
    claims = encoded(json.dumps({"iss": "bench", "sub": "bench", "role": "annotator", "exp": int(time.time()) + 86400}).encode())
    signature = encoded(hmac.new(key, f"{head}.{claims}".encode(), hashlib.sha256).digest())
    jwks = json.dumps({"keys": [{"kty": "oct", "alg": "HS256", "kid": "bench", "k": encoded(key)}]})
    return f"{head}.{claims}.{signature}", jwks


def envoy_listener(name, port, jwks, certificates):
    extension = "type.googleapis.com/envoy.extensions"
    filters = [
        {"name": "jwt", "typed_config": {
            "@type": f"{extension}.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"bench": {"issuer": "bench", "local_jwks": {"inline_string": jwks}, "payload_in_metadata": "claims",
                                    "jwt_cache_config": {"jwt_cache_size": 100}}},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "bench"}}]}},
        {"name": "rbac", "typed_config": {
            "@type": f"{extension}.filters.http.rbac.v3.RBAC",
            "rules": {"action": "ALLOW", "policies": {"annotators": {
                "permissions": [{"url_path": {"path": {"prefix": "/bench/"}}}],
                "principals": [{"metadata": {"filter": "envoy.filters.http.jwt_authn", "path": [{"key": "claims"}, {"key": "role"}],
                                             "value": {"string_match": {"exact": "annotator"}}}}]}}}}},
        {"name": "sign", "typed_config": {
            "@type": f"{extension}.filters.http.aws_request_signing.v3.AwsRequestSigning",
            "service_name": "s3", "region": "eu-central-1", "use_unsigned_payload": True, "host_rewrite": "bench"}},
        {"name": "router", "typed_config": {"@type": f"{extension}.filters.http.router.v3.Router"}},
    ]
    chain = {"filters": [{"name": "http", "typed_config": {
        "@type": f"{extension}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name, "http_filters": filters,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"],
                                            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "origin"}}]}]}}}]}
    if certificates:
        chain["transport_socket"] = {"name": "tls", "typed_config": {
            "@type": f"{extension}.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {"alpn_protocols": ["h2", "http/1.1"], "tls_certificates": [{
                "certificate_chain": {"filename": str(certificates / "chain.pem")},
                "private_key": {"filename": str(certificates / "key.pem")}}]}}}
    return {"name": name, "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}, "filter_chains": [chain]}
