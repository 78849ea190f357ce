"""What a schedule runs in: a data folder, the web, the stages, and the ports through which the run itself looks."""

from __future__ import annotations

import os
import resource
import signal
import threading
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakes.bronze_origins import wait_for
from faults.client import SOURCE
from faults.stage import Trap, open_log, run_stage, run_web
from kill.processes import forking
from pydantic import SecretStr

from loginlake import wiring
from loginlake.errors import Conflict, LoginlakeError, Unavailable
from loginlake.gold.read import Snapshot
from loginlake.settings import ENV_PREFIX, Settings
from loginlake.stream.spool_file import survey
from services.child import free_port

if TYPE_CHECKING:
    from faults.servers import Servers

SECRET = "a secret of the schedules, the same for every lake of them"
LONG_S = 300.0


class World:
    """One data folder and its processes. `torn`: snapshots of gold in which days and total did not agree."""

    def __init__(self, data: Path, more: Mapping[str, object], servers: Servers | None) -> None:
        self.data, self.port, self.servers = data, free_port(), servers
        fixed = {"data": data, "port": self.port, "land_max_records": 10, "spool_after_s": 0.3, "log_level": "error"}
        values = {**fixed, "secret": SECRET, "land_max_age_s": 3600, "events_a_minute": 10_000_000, **more}
        self._env = {f"{ENV_PREFIX}{name.upper()}": str(value) for name, value in values.items()}
        self.settings = Settings(**{**values, "secret": SecretStr(SECRET)}, _env_file=None)  # type: ignore[arg-type]
        self.key = wiring.api_keys(self.settings).add(SOURCE, "2026-11-24T00:00:00.000000Z")[1]
        self.torn = 0
        self.web = self._start_web()
        with ExitStack() as stack:
            self.log = stack.enter_context(closing(open_log(self.settings)))
            self.store = wiring.open_lake(self.settings)
            self.gold = stack.enter_context(closing(wiring.open_gold(self.settings)))
            self._open = stack.pop_all()

    def close(self) -> None:
        """End the web in order, and let go of the ports."""
        self.stop_web()
        self._open.close()

    # The web.

    def kill_web(self) -> None:
        """Kill it with -9, in the middle of its requests, and start it again."""
        self.web.kill()
        self.web.join(LONG_S)
        self.web = self._start_web()

    def stop_web(self) -> None:
        """End it in order."""
        self.web.terminate()
        self.web.join(LONG_S)
        assert self.web.exitcode == 0, f"the web ended with {self.web.exitcode}"

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """No file of the web's grows any more: neither the log's, nor the spool's, nor its state's."""
        pid = self.web.pid
        assert pid is not None
        was = resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        try:
            yield
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, was)

    def _start_web(self) -> Any:
        process = forking().Process(target=run_web, args=(self._env,), daemon=True)
        process.start()
        wait_for(lambda: _answers(f"http://127.0.0.1:{self.port}/health"), LONG_S)
        return process

    # The stages.

    def start(self, stage: str, trap: Trap | None = None, group: str = "") -> Run:
        """A stage in a process of its own."""
        said = self.data / f"said-{uuid.uuid4().hex}"
        process = forking().Process(target=run_stage, args=(self._env, stage, trap, str(said), group), daemon=True)
        process.start()
        return Run(process, said)

    def land(self) -> None:
        """Land what there is, undisturbed."""
        wiring.lander(self.settings, self.log, self.store).run(threading.Event(), once=True)

    def clean(self) -> None:
        """Clean what there is, undisturbed."""
        wiring.clean_step(self.settings, self.store).run()

    def publish(self) -> None:
        """Publish what there is, undisturbed."""
        wiring.publish_step(self.store, self.gold).run()

    def logged(self) -> int:
        """How many records the log has. Just after a fault it may not answer yet."""
        found: list[int] = []

        def answers() -> bool:
            try:
                found.append(sum(extent.end for extent in self.log.ranges().values()))
            except Unavailable:
                return False
            return True

        wait_for(answers, LONG_S)
        return found[0]

    def until_logged(self, records: int) -> None:
        """Wait until the log has so many: what is spooled is there for no stage."""
        wait_for(lambda: self.logged() >= records, LONG_S)

    def before(self, stage: str) -> None:
        """Give a stage something to do."""
        if stage != "land":
            self.land()
        if stage == "publish":
            self.clean()

    @contextmanager
    def reader(self) -> Iterator[None]:
        """Read the totals again and again meanwhile: the days of a snapshot add up to its total."""
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                try:
                    snapshot = Snapshot.open(self.gold)
                    days = sum(day["signins"] for day in snapshot.all_days())
                    self.torn += days != snapshot.pipeline()["signins"]
                except Conflict:
                    continue
                except LoginlakeError:
                    done.wait(0.1)

        thread = threading.Thread(target=read)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    # The end.

    def settle(self) -> None:
        """Everything works again: empty the spools, stop the web, and let every stage do what is left."""
        wait_for(lambda: survey(self.data / "spool")[0].entries == 0, LONG_S)
        self.stop_web()
        for work in (self.land, self.clean, self.publish):
            work()

    def processes_said(self) -> str:
        """The end of what the processes told, for whoever looks for a fault's cause."""
        return "\n".join((self.data / "processes.txt").read_text(errors="replace").splitlines()[-40:])


class Run:
    """A stage's process."""

    def __init__(self, process: Any, said: Path) -> None:
        self._process, self._said = process, said

    @property
    def sprung(self) -> bool:
        """Whether the trap's step was reached."""
        return self._said.exists()

    def until_sprung(self) -> bool:
        """Wait until it was, or until the stage ended without."""
        wait_for(lambda: self.sprung or not self._process.is_alive(), LONG_S)
        return self.sprung

    def until_stopped(self) -> None:
        """Wait until the process stands still."""
        state = Path(f"/proc/{self._process.pid}/stat")
        wait_for(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", LONG_S)

    def go_on(self) -> None:
        """Let it run again."""
        os.kill(self._process.pid, signal.SIGCONT)

    def end(self, *good: int) -> int:
        """Wait for its end; any other exit code than 0 and the good ones is an error."""
        self._process.join(LONG_S)
        code: int | None = self._process.exitcode
        assert code is not None and code in {0, *good}, f"a stage ended with {code}"
        return code


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
