"""The web on Apache Kafka beside a peer: durable sign-ins a CPU-second, p99 at 70 per cent of what the slower can do.

    python bench/bench_web.py [SIGNINS] [ROUNDS]       default: 4000 3

The peer (bench/peers/web_app.py) verifies a token and waits for Kafka's confirmation; ours besides uses the nonce once,
keeps the session and counts, in SQLite. One process each, on one core; CPU is that of the server alone. Each sign-in is
another person's, as they are at such a rate; then the same from FEW people again and again, each of whose events waits
for the one before. Besides ours for POST /api/events, one event a request and a hundred.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from bench.bench_land import signin as event  # noqa: E402
from bench.path import LOGINLAKE  # noqa: E402
from bench.peers.install import HERE, python_of  # noqa: E402
from loginlake import wiring  # noqa: E402
from loginlake.settings import Settings  # noqa: E402
from loginlake.stream.kafka_admin import KafkaAdmin  # noqa: E402
from loginlake.stream.topic import Topic, ensure_topic  # noqa: E402
from loginlake.web.developer import CLIENT_ID, DeveloperProvider, MadeUp  # noqa: E402
from loginlake.web.session import new_nonce, new_visit  # noqa: E402
from services import kafka  # noqa: E402
from services.child import free_port  # noqa: E402

CONNECTIONS, LOAD, CORE, FEW = 32, 0.7, 0, 5
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"
SECRET = "a secret of the bench, of more than 32 characters"


@dataclass
class Runner:
    """A server and what it cost."""

    name: str
    port: int
    pid: int = 0
    cpu_s: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)

    def forget(self) -> None:
        """Begin to measure anew."""
        self.cpu_s, self.rate, self.p99_ms = [], [], []

    def cpu(self) -> float:
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)


def main() -> None:
    signins, rounds = (int(text) for text in (*sys.argv[1:], *("4000", "3")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as folder:
        broker = kafka.start(Path(folder) / "kafka" / "data")
        try:
            for topic in ("ours", "peer"):
                ensure_topic(KafkaAdmin(broker.bootstrap), Topic(topic, 4, 1, 1))
            race(Path(folder), broker.bootstrap, signins, rounds)
        finally:
            broker.stop()


def race(folder: Path, bootstrap: str, signins: int, rounds: int) -> None:
    us, peer = Runner("loginlake", free_port()), Runner("peer", free_port())
    env = {name: value for name, value in os.environ.items() if not name.startswith("LOGINLAKE_")}
    where = {
        "DATA": str(folder / "data"),
        "PORT": str(us.port),
        "SECRET": SECRET,
        "LOG_URL": f"kafka://{bootstrap}/ours",
        "LOG_LEVEL": "error",
        "EVENTS_A_MINUTE": "100000000",
    }
    ours = {f"LOGINLAKE_{name}": value for name, value in where.items()}
    os.environ.update(ours)
    settings = Settings()
    issuer = DeveloperProvider(settings.origin, wiring.web_state(settings), wiring.now)
    told = {"BOOTSTRAP": bootstrap, "TOPIC": "peer", "ISSUER": issuer.issuer, "AUDIENCE": CLIENT_ID}
    told |= {"KEY": issuer._signing_key().as_pem(private=False).decode()}
    uvicorn = ["-m", "uvicorn", "web_app:app", "--app-dir", str(HERE), "--port", str(peer.port)]
    quiet = ["--log-level", "warning", "--no-access-log"]
    key = wiring.api_keys(settings).add("http://localhost:8000", wiring.now().isoformat())[1]
    with (
        serving(us, [str(LOGINLAKE), "web", "--workers", "1"], env | ours),
        serving(peer, [str(python_of("web")), *uvicorn, *quiet], env | told),
    ):
        for title, people in (("each of another person", 10**9), (f"of {FEW} people", FEW)):
            made = [request_of(settings, issuer, number, people) for number in range(2 * rounds * signins + 200)]
            for runner in (us, peer):
                runner.forget()
                asyncio.run(flood(runner.port, made[:200]))
            show(f"sign-ins, {title}", compete((us, peer), made[200:], signins, rounds))
        batches(us, settings, key, signins)


def request_of(settings: Settings, issuer: DeveloperProvider, number: int, people: int) -> bytes:
    """A sign-in with a token and a nonce of its own, as a browser sends it."""
    user = str(100_000 + number % people)
    person = MadeUp(user_id=user, email=f"person.{user}@example.com", name=f"Ana Quiroga {user}", photo="valeria.svg")
    visit = new_visit()
    nonce = new_nonce(SECRET.encode(), visit, int(time.time()) + 3_000)
    token = issuer.token(person, nonce.value)
    body = json.dumps({"credential": token, "select_by": "btn"}).encode()
    return _post("/api/signin", body, "application/json", Origin=settings.origin, Cookie=f"ll_visit={visit}")


def _post(path: str, body: bytes, kind: str, **more: str) -> bytes:
    headers = {"Host": "localhost", "User-Agent": AGENT, "Content-Type": kind, "Content-Length": str(len(body)), **more}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def compete(runners: Sequence[Runner], made: list[bytes], signins: int, rounds: int) -> Sequence[Runner]:
    """Turn by turn: as fast as it goes, then at a constant rate of 70 per cent of that."""
    share = signins // 2
    for number in range(rounds):
        mine = made[2 * number * signins : 2 * (number + 1) * signins]
        for runner in runners:
            before, began = runner.cpu(), time.perf_counter()
            asyncio.run(flood(runner.port, mine[:signins]))
            runner.cpu_s.append((runner.cpu() - before) / signins)
            runner.rate.append(signins / (time.perf_counter() - began))
        rate = LOAD * min(runner.rate[-1] for runner in runners)
        for runner in runners:
            taken = asyncio.run(steady(runner.port, mine[signins : signins + share], rate))
            runner.p99_ms.append(1000 * sorted(taken)[int(0.99 * len(taken))])
    return runners


async def flood(port: int, requests: Sequence[bytes]) -> None:
    """All requests over a few connections, each as soon as the one before is answered."""
    left = iter(requests)

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in left:
            await _ask(reader, writer, request)
        writer.close()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))


async def steady(port: int, requests: Sequence[bytes], rate: float) -> list[float]:
    """Each request at its own moment, whatever became of the others; seconds from that moment to the answer."""
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8 * CONNECTIONS)]
    start, taken = time.perf_counter() + 0.1, []

    async def one(number: int, request: bytes) -> None:
        due = start + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        connection = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
        await _ask(*connection, request)
        taken.append(time.perf_counter() - due)
        idle.append(connection)

    await asyncio.gather(*(one(number, request) for number, request in enumerate(requests)))
    for _, writer in idle:
        writer.close()
    return taken


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    body = await reader.readexactly(length)
    if head[9:12] not in {b"200", b"202"}:
        raise SystemExit(f"answered {head[9:12].decode()}: {body[:300].decode()}")


def batches(us: Runner, settings: Settings, key: str, signins: int) -> None:
    """Other applications' events: one a request, and a hundred."""
    headers = {"Authorization": f"Bearer {key}", "Origin": settings.origin}
    made = [event(number) for number in range(10 * signins)]
    single = [_post("/api/events", one, "application/cloudevents+json", **headers) for one in made[:signins]]
    many = [
        _post(
            "/api/events", b"[" + b",".join(made[at : at + 100]) + b"]", "application/cloudevents-batch+json", **headers
        )
        for at in range(0, len(made), 100)
    ]
    for name, requests, count in (("events, one a request", single, signins), ("events, a hundred", many, len(made))):
        before = us.cpu()
        asyncio.run(flood(us.port, requests))
        print(f"{name:<22} {count / (us.cpu() - before):>8,.0f} durable a CPU-second")


@contextmanager
def serving(runner: Runner, command: list[str], env: dict[str, str]) -> Iterator[None]:
    pinned = ["taskset", "-c", str(CORE), *command]
    process = subprocess.Popen(pinned, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    runner.pid = process.pid
    try:
        until = time.monotonic() + 60
        while True:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", runner.port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{runner.name} did not start")
            time.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def show(what: str, runners: Sequence[Runner]) -> None:
    print(what)
    for one in runners:
        a_second, rate, p99 = (statistics.median(found) for found in (one.cpu_s, one.rate, one.p99_ms))
        print(f"{one.name:<10} {1 / a_second:>7,.0f} durable a CPU-second", end="")
        print(f"  {rate:>6,.0f}/s by the clock  p99 {p99:>6.1f} ms")
    us, peer = runners
    ratio = statistics.median(peer.cpu_s) / statistics.median(us.cpu_s)
    print(f"loginlake / peer: {ratio:.2f} times as many a CPU-second (wanted 3)")


if __name__ == "__main__":
    main()
