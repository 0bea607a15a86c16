"""A lathe of our own: its binary, a home, the service, and its command line."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import time

import requests


def build(root, binary):
    """Builds ./cmd/lathe."""
    subprocess.run(["go", "build", "-trimpath", "-o", str(binary), "./cmd/lathe"], cwd=root, check=True,
                   env={**os.environ, "CGO_ENABLED": "0"})
    return binary


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Service:
    """`lathe up` for the length of a with block. url is its address, key may predict and read."""

    def __init__(self, binary, home):
        self.binary, self.home = binary, home
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("LATHE_")}
        self.host = f"127.0.0.1:{free_port()}"
        self.url = "http://" + self.host
        self.log = home.with_suffix(".log")

    def __enter__(self):
        with self.log.open("w") as log:
            self.process = subprocess.Popen([self.binary, "--home", self.home, "up", "--addr", self.host], env=self.env,
                                            stdout=log, stderr=log)
        try:
            self._await()
            self.key = self.run("keys", "create", "clients", "--scope", "predict", "--scope", "read")["secret"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError("lathe up did not stop within 30 s: " + self.log.read_text()) from None
        if code != 0:
            raise RuntimeError(f"lathe up ended with {code}: " + self.log.read_text())

    def _await(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError("lathe up ended: " + self.log.read_text())
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(self.url + "/readyz", timeout=5).ok:
                    return
            time.sleep(0.01)
        raise RuntimeError("lathe up is not ready after 30 s: " + self.log.read_text())

    def run(self, *args):
        """Runs a command against the service and returns its JSON."""
        return json.loads(self._lathe("--home", self.home, "--json", "--quiet", *args))

    def predict(self, model, rows):
        """`lathe predict` through the service: CSV text."""
        return self._lathe("--home", self.home, "--quiet", "predict", model, rows)

    def offline(self, package, rows):
        """`lathe predict FILE.lathe` with neither home nor service: CSV text."""
        return self._lathe("--home", self.home.parent / "none", "predict", package, rows)

    def _lathe(self, *args):
        done = subprocess.run([self.binary, *args], env=self.env, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"lathe {' '.join(map(str, args))}: exit {done.returncode}: {done.stderr}")
        return done.stdout

    def session(self, key=True):
        """An HTTP session that carries the key."""
        s = requests.Session()
        s.trust_env = False  # neither proxies nor netrc
        if key:
            s.headers["Authorization"] = "Bearer " + self.key
        return s

    def post(self, path, body, **headers):
        """POSTs JSON, or text as it is, and returns the decoded answer."""
        data = body if isinstance(body, str) else json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
        with self.session() as s:
            answer = s.post(self.url + path, data=data.encode(), headers=headers, timeout=60)
        if not answer.ok:
            raise RuntimeError(f"{path}: {answer.status_code}: {answer.text}")
        return answer.json()
