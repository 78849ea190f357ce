"""Apache Airflow in an environment of its own (.venv-airflow): api-server, scheduler and dag-processor on 127.0.0.1.

`python -m services.airflow start | stop | install`. Metadata, logs, secrets and the generated password are below
services/data/airflow. AIRFLOW__* of the environment goes before what is set here: a PostgreSQL, other executors.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from services.child import ROOT, Child, NotStarted, answers, free_port, run

VENV = ROOT.parent / ".venv-airflow"
HOME = ROOT / "data" / "airflow"
DAG = "dagEtl"
USER = "operator"
PARTS = {"api-server": ["--workers", "1"], "scheduler": ["--skip-serve-logs"], "dag-processor": []}
_LOCK = ROOT.parent / "lock" / "airflow.txt"
_PORT = 8080
_READY_S = 600.0


@dataclass
class Airflow:
    """A running Airflow, its processes by name, and its REST API."""

    home: Path
    port: int
    password: str
    children: dict[str, Child] = field(default_factory=dict)
    _token: str = ""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, body: object = None, method: str = "") -> Any:
        """The answer of /api/v2/PATH, as JSON; urllib's HTTPError for any other than 2xx."""
        if not self._token:
            told = {"username": USER, "password": self.password}
            self._token = _json(f"{self.url}/auth/token", told, "POST")["access_token"]
        return _json(f"{self.url}/api/v2/{path}", body, method or ("GET" if body is None else "POST"), self._token)

    def stop(self) -> None:
        """End every process: the scheduler first, so that nothing new begins."""
        for name in ("scheduler", "dag-processor", "api-server"):
            if name in self.children:
                self.children[name].stop()
                end_group(self.children[name].pid)


def _json(url: str, body: object, method: str, token: str = "") -> Any:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - our own loopback address
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
        return json.loads(answer.read() or b"null")


def end_group(group: int) -> None:
    """Kill what is left of Airflow in a process group: the workers of a scheduler that was killed wait for ever."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_member = (folder / "stat").read_text().rpartition(")")[2].split()[2] == str(group)
            if is_member and b"airflow" in (folder / "cmdline").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)


def install() -> Path:
    """Install what the lock file names (every hash is checked) and the package without its web; the environment."""
    stamp = VENV / "installed"
    package = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["project"]
    wanted = _LOCK.read_bytes() + json.dumps(package).encode()
    (ROOT / "cache").mkdir(exist_ok=True)
    with (ROOT / "cache" / "airflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_bytes() == wanted:
            return VENV
        beside = Path(sys.executable).with_name("uv")
        uv = [str(beside if beside.exists() else "uv"), "pip"]
        run([sys.executable, "-m", "venv", "--without-pip", "--clear", str(VENV)], "Making .venv-airflow")
        sync = [*uv, "sync", "-q", "--compile-bytecode", "--require-hashes", str(_LOCK)]
        own = [*uv, "install", "-q", "--no-deps", "-e", str(ROOT.parent)]
        for command, what in ((sync, "Airflow"), (own, "loginlake beside Airflow")):
            offline = [*command, "--offline"]  # what uv's cache holds needs no network
            try:
                run(offline, "", UV_SYSTEM_CERTS="true", VIRTUAL_ENV=str(VENV))
            except NotStarted:
                run(command, f"The installation of {what}", UV_SYSTEM_CERTS="true", VIRTUAL_ENV=str(VENV))
        stamp.write_bytes(wanted)
    return VENV


def write_environment(home: Path, port: int, settings: Mapping[str, str]) -> Path:
    """The environment of Airflow's processes as a shell file, readable by this user alone; its name.

    In a file, since a command line is no place for secrets. AIRFLOW__* of the caller's environment goes before ours,
    and into the file: whoever reads it (`airflow backfill`) must speak to the same database.
    """
    kept = _secrets(home)
    own = {
        "CORE__DAGS_FOLDER": str(ROOT.parent / "dags"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "4",
        "CORE__FERNET_KEY": kept["fernet"],
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin,watcher:viewer",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "API__SECRET_KEY": kept["api"],
        "API_AUTH__JWT_SECRET": kept["jwt"],
        "DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    told = {f"AIRFLOW__{name}": value for name, value in own.items()}
    told.update((name, value) for name, value in os.environ.items() if name.startswith("AIRFLOW__"))
    told["AIRFLOW_HOME"] = str(home)
    told["LOGINLAKE_DATA"] = str(Path(os.environ.get("LOGINLAKE_DATA") or "data").absolute())
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted({**told, **settings}.items()))
    path = home / "environment.sh"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return path


def _secrets(home: Path) -> dict[str, str]:
    """Airflow's own secrets and passwords: made once, readable by this user alone."""
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    made = {"fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}
    made.update({name: secrets.token_hex(32) for name in ("api", "jwt")})
    _keep(home / "passwords.json", {USER: secrets.token_urlsafe(12), "watcher": secrets.token_urlsafe(12)})
    return _keep(home / "secrets.json", made)


def _keep(path: Path, new: dict[str, str]) -> dict[str, str]:
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(new, file)
    kept: dict[str, str] = json.loads(path.read_text())
    return kept


def start(
    home: Path,
    *,
    venv: Path = VENV,
    port: int = 0,
    tied: bool = True,
    migrate: bool = True,
    settings: Mapping[str, str] | None = None,
) -> Airflow:
    """`migrate` the database, start the three processes, wait until they are well and the DAG is there, unpause it.

    `tied`: they die with the thread that started them. `settings` go into their environment. NotStarted, with the last
    lines of the log or the DAG's import error, when it is not well.
    """
    port = port or free_port()
    if answers(port):
        raise NotStarted(f"Port {port} is taken. Choose another: make airflow AIRFLOW_PORT={port + 1}")
    where = write_environment(home, port, settings or {})
    program = ["sh", "-c", '. "$0" && exec "$@"', str(where), str(venv / "bin" / "airflow")]
    if migrate:
        run([*program, "db", "migrate"], "Migrating Airflow's database")
    server = Airflow(home, port, json.loads((home / "passwords.json").read_text())[USER])
    try:
        for name, options in PARTS.items():
            log = home / f"{name}.log"
            server.children[name] = Child(f"Airflow's {name}", [*program, name, *options], log, tied=tied)
        server.children["api-server"].wait_until(lambda: _is_well(server), _READY_S)
        _wait_for_dag(server)
    except BaseException:
        server.stop()
        raise
    return server


def _is_well(server: Airflow) -> bool:
    try:
        health = server.ask("monitor/health")
    except OSError:
        return False
    return all(health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor"))


def _wait_for_dag(server: Airflow) -> None:
    def is_there() -> bool:
        errors = server.ask("importErrors")["import_errors"]
        if errors:
            raise NotStarted(f"{errors[0]['filename']} cannot be imported.\n{errors[0]['stack_trace']}")
        try:
            server.ask(f"dags/{DAG}", {"is_paused": False}, "PATCH")
        except urllib.error.HTTPError as error:
            return error.code != 404
        return True

    server.children["dag-processor"].wait_until(is_there, _READY_S)


def _start_for_good(port: int) -> None:
    if _running():
        raise NotStarted("Airflow is running already. make airflow-stop ends it.")
    venv = install()
    new = not (HOME / "passwords.json").exists()
    server = start(HOME, venv=venv, port=port, tied=False)
    (HOME / "pids.json").write_text(json.dumps({child.pid: _since(child.pid) for child in server.children.values()}))
    _say(f"Airflow is at {server.url}  ({DAG} is there and runs every five minutes; make airflow-stop ends it)")
    where = HOME.relative_to(ROOT.parent) / "passwords.json"
    _say(f"user {USER}, password {server.password}  (shown once; kept in {where})" if new else f"passwords: {where}")


def _noted() -> dict[int, str]:
    """The processes that were started here: id and start time, since ids are used again."""
    if not (HOME / "pids.json").exists():
        return {}
    return {int(pid): since for pid, since in json.loads((HOME / "pids.json").read_text()).items()}


def _running() -> list[int]:
    return [pid for pid, since in _noted().items() if _since(pid) == since]


def _since(pid: int) -> str:
    """When a process started (Linux: field 22 of its stat); empty when it ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _stop_for_good() -> None:
    """SIGTERM to each that was started here, then SIGKILL to what does not end within 20 s, and to their workers."""
    was_running = _running()
    for pid in was_running:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 20.0
    while _running() and time.monotonic() < deadline:
        threading.Event().wait(0.1)
    for pid in _noted():
        end_group(pid)
    (HOME / "pids.json").unlink(missing_ok=True)
    _say("stopped" if was_running else "Airflow was not running")


def _say(text: str, where: TextIO | None = None) -> None:
    (where or sys.stdout).write(f"{text}\n")


def main(words: list[str]) -> int:
    """`start [PORT]`, `stop` or `install`."""
    try:
        match words:
            case ["install"]:
                _say(str(install()))
            case ["start", *port]:
                _start_for_good(int(port[0]) if port else _PORT)
            case ["stop"]:
                _stop_for_good()
            case _:
                _say("python -m services.airflow install | start [PORT] | stop", sys.stderr)
                return 2
    except (NotStarted, subprocess.SubprocessError) as error:
        _say(str(error), sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
