"""From a command to a page, from a sign-in to gold, and what it weighs when idle: python bench/start.py [TIMES]."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]

LOGINLAKE = Path(sys.executable).with_name("loginlake")
LONGEST_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_page(client: httpx.Client) -> None:
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        try:
            if client.get("/").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    raise SystemExit("the page did not answer")


def sign_in_to_gold(client: httpx.Client, origin: str) -> float:
    """Seconds from the POST of a made-up person's token until their own event is in gold."""
    client.cookies.clear()
    page = client.get("/").text
    found = re.search(r'id="boot">(.*?)</script>', page)
    if found is None:
        raise SystemExit("the page has no nonce")
    wish = {"person": "1002", "nonce": json.loads(found[1])["nonce"]["value"]}
    headers = {"Origin": origin}
    token = client.post("/dev/token", json=wish, headers=headers).raise_for_status().json()["credential"]
    started = time.perf_counter()
    client.post("/api/signin", json={"credential": token, "select_by": "btn"}, headers=headers).raise_for_status()
    while not all(step["done"] for step in client.get("/api/journey").json()["steps"]):
        if time.perf_counter() - started > LONGEST_S:
            raise SystemExit("the sign-in did not arrive")
        time.sleep(0.02)
    return time.perf_counter() - started


def main(times: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        origin = f"http://localhost:{port}"
        env = {**os.environ, "LOGINLAKE_DATA": folder, "LOGINLAKE_PORT": str(port), "LOGINLAKE_LOG_LEVEL": "error"}
        started = time.perf_counter()
        process = subprocess.Popen([str(LOGINLAKE), "run"], env=env, stdout=subprocess.DEVNULL)
        try:
            with httpx.Client(base_url=origin, timeout=10) as client:
                wait_for_page(client)
                print(f"command to page {time.perf_counter() - started:.2f} s")
                taken = [sign_in_to_gold(client, origin) for _ in range(times)]
            print(f"sign-in to gold, of {times}: median {statistics.median(taken):.2f} s, longest {max(taken):.2f} s")
            time.sleep(5)
            print(f"idle {psutil.Process(process.pid).memory_info().rss / 1024**2:.0f} MB in one process")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(15)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
