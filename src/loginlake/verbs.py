"""What each verb of the CLI does: settings in, a report out. No printing of results, no reading of the environment."""

from __future__ import annotations

import itertools
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from loginlake import wiring
from loginlake.errors import LoginlakeError, ObjectNotFound, Overloaded, TooLarge
from loginlake.event import HEADERS
from loginlake.lake import lines
from loginlake.lake.store import lookup
from loginlake.observe.metering import Unmetered, metered
from loginlake.schedule import Step, in_thread, run_passes
from loginlake.settings import Settings
from loginlake.stream.log import EventLog, Position

if TYPE_CHECKING:
    from loginlake.account import Account
    from loginlake.standing import Standing

_IN_FLIGHT = 20_000
_IN_FLIGHT_BYTES = 16 * 1024 * 1024
_PAUSE_S = 5.0
_RETENTION_S = 3600.0
_COUNTS = 5
_RECOUNT_S = 0.5
_NOTE_WIDTH = 69


class SendReport(msgspec.Struct, frozen=True):
    """Lines that are durable in the log, and lines that it refused, by the condition's name."""

    sent: int
    refused: dict[str, int]


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What `loginlake demo` takes. Rates are shares from 0 to 1; `until` is UTC."""

    people: int
    days: int
    seed: int
    until: datetime | None
    repeats: float
    nulls: float
    broken: float
    refusals: float
    if_empty: bool
    to_stdout: bool


def land(settings: Settings, stop: threading.Event, *, once: bool) -> Any:
    """Log to bronze, until `stop` (or, once, until the end that the log has now)."""
    store = wiring.open_lake(settings, stop)
    with closing(wiring.open_log(settings)) as log, _metered(settings, "land", log=log, store=store) as meter:
        lander = wiring.lander(settings, log, meter.store(store))
        progress = Progress("landed")

        def landed(records: int) -> None:
            meter.landed(records)
            progress(records)

        if not once:
            retention = wiring.retention(settings, log)
            in_thread("retention", lambda: run_passes([retention], stop, every_s=_RETENTION_S), stop)
        return lander.run(stop, once=once, on_landed=landed)


def clean(settings: Settings, stop: threading.Event, *, once: bool) -> Any:
    """Bronze to silver, one pass or again and again."""
    store = wiring.open_lake(settings, stop)
    with _metered(settings, "clean", store=store) as meter:
        step = wiring.clean_step(settings, meter.store(store), Progress("cleaned"), stop)
        return _passes(meter.step(step), stop, once=once)


def publish(settings: Settings, stop: threading.Event, *, once: bool) -> Any:
    """Silver to gold, one pass or again and again."""
    store = wiring.open_lake(settings, stop)
    with closing(wiring.open_gold(settings)) as gold, _metered(settings, "publish", store=store, gold=gold) as meter:
        return _passes(meter.step(wiring.publish_step(meter.store(store), gold)), stop, once=once)


def _metered(settings: Settings, stage: str, **ports: Any) -> AbstractContextManager[Unmetered]:
    return metered((settings.host, settings.metrics_port), stage, **ports)


def _passes(step: Step[Any], stop: threading.Event, *, once: bool) -> Any:
    if once:
        return step.run()
    run_passes([step], stop, every_s=_PAUSE_S)
    return {"stopped": True}


def send(settings: Settings, file: BinaryIO) -> SendReport:
    """Every line of a file to the log, as it is; only the line break is not part of it."""
    with closing(wiring.open_log(settings)) as log:
        return _send_all(log, ((_subject(line), line) for line in _lines(file)), Progress("sent"))


def demo(settings: Settings, options: DemoOptions) -> SendReport | None:
    """Made-up sign-ins to the log (or to standard output, then None)."""
    from loginlake import demo as demos

    made = demos.messages(
        people=options.people,
        days=options.days,
        seed=options.seed,
        until=(options.until or wiring.now()).replace(tzinfo=UTC),
        source=settings.application,
        photo_base=f"{settings.origin}/static/people/",
        rates=demos.Rates(options.repeats, options.nulls, options.broken, options.refusals),
    )
    if options.to_stdout:
        for message in made:
            sys.stdout.buffer.write(message.value + b"\n")
        return None
    with closing(wiring.open_log(settings)) as log:
        if options.if_empty and any(extent.end for extent in log.ranges().values()):
            return SendReport(0, {})
        return _send_all(log, made, Progress("sent"))


def status(settings: Settings, *, wait_s: float = 0.0) -> Account:
    """The account, counted; once more while the stages are writing, at most five times.

    With `wait_s`: again, for so long, until nothing is on its way.
    """
    from loginlake.account import count
    from loginlake.bronze.agreement import check_all
    from loginlake.bronze.land import now_ms

    with ExitStack() as stack:
        log = stack.enter_context(closing(wiring.open_log(settings)))
        gold = stack.enter_context(closing(wiring.open_gold(settings)))
        store = wiring.open_lake(settings)
        state = stack.enter_context(closing(wiring.web_state(settings)))
        number = wiring.lake_of(settings, store).log_number(log.identity())
        check_all(log, store, number, now_ms())
        until = time.monotonic() + wait_s
        for attempt in itertools.count(1):
            answered = state.counters().get("answered", 0)
            account = count(
                log,
                store,
                gold,
                log_number=number,
                answered=answered,
                spooled=lambda: wiring.spooled_entries(settings),
            )
            in_time = time.monotonic() < until
            if account.settled or not (in_time or (account.moving and attempt < _COUNTS)):
                break
            if in_time:
                time.sleep(_RECOUNT_S)
        return account


def standing(settings: Settings) -> Standing:
    """How far each layer is."""
    from loginlake.standing import read

    with ExitStack() as stack:
        log = stack.enter_context(closing(wiring.open_log(settings)))
        gold = stack.enter_context(closing(wiring.open_gold(settings)))
        return read(log, wiring.open_lake(settings), gold, lambda: wiring.spooled_entries(settings))


def account_table(account: Account) -> str:
    """The account as a person reads it."""

    def row(name: str, number: int, note: str = "") -> str:
        return f"{name:>14} {number:>14,}  {note}".rstrip()

    reasons = ", ".join(f"{name} {number:,}" for name, number in account.rejected_by_reason.items())
    reasons = textwrap.shorten(reasons, _NOTE_WIDTH, placeholder=" ...")
    faults = account.faults()
    rows = [
        row("answered", account.answered, "2xx answers of the web"),
        row("accepted", account.accepted, "records in the log since its beginning, and in the spool"),
        row("waiting", account.waiting, "in the log or the spool, not yet in bronze"),
        row("expired", account.expired, "dropped by the log before they were landed"),
        row("landed", account.landed, "lines of bronze"),
        row("to clean", account.to_clean, "in bronze, not yet judged"),
        row("clean", account.clean, "rows of silver"),
        row("repeated", account.repeated),
        row("rejected", account.rejected, reasons),
        row("erased", account.erased),
        row("to publish", account.to_publish, "in silver, not yet in gold"),
        row("gold", account.gold, "sign-ins and refusals counted in gold"),
        "",
        f"complete until {account.complete_until or 'nothing yet'}",
        *(f"{'NOT YET' if account.moving else 'DOES NOT BALANCE'}: {fault}" for fault in faults),
        *(["Something was written while counting; count again."] if account.moving else []),
        *([] if faults else ["Everything is accounted for."]),
    ]
    return "\n".join(rows)


def cat(settings: Settings, key: str) -> Iterator[str]:
    """The lines of an object (JSON as it is, gzip opened), or the names below a prefix that ends in a slash."""
    store = wiring.open_lake(settings)
    if key.endswith("/"):
        for entry in store.list(key):
            yield f"{entry.size:>12,}  {entry.key}"
        return
    stored = lookup(store, key)
    if stored is None:
        raise ObjectNotFound(f"There is no object {key!r}.", "", "A name that ends in / lists: loginlake cat bronze/")
    data = stored.data
    content = lines.decode(data) if key.endswith(".gz") else data
    # Not splitlines: a name may hold a line separator (U+2028), which JSON does not escape.
    yield from content.decode("utf-8", "backslashreplace").removesuffix("\n").split("\n")


class Progress:
    """Counts on a terminal's standard error, in place; silent elsewhere."""

    def __init__(self, word: str) -> None:
        self._word, self._number = word, 0
        self._shown = sys.stderr.isatty()

    def __call__(self, more: int) -> None:
        """Add `more` and show the sum."""
        self._number += more
        if self._shown:
            sys.stderr.write(f"\r{self._word} {self._number:,} ")
            sys.stderr.flush()


def _lines(file: BinaryIO) -> Iterator[bytes]:
    for line in file:
        yield line.removesuffix(b"\n")


class _Subject(msgspec.Struct):
    subject: str | None = None


_event = msgspec.json.Decoder(_Subject).decode


def _subject(line: bytes) -> bytes | None:
    try:
        subject = _event(line).subject
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return subject.encode() if subject else None


class _Sender:
    """Sends messages and settles them in portions: what the log has no room for is sent again, the rest is told."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._waiting: list[tuple[bytes | None, bytes, Future[Position]]] = []
        self._bytes = 0
        self.sent = 0
        self.refused: dict[str, int] = {}

    def send(self, key: bytes | None, value: bytes) -> None:
        """Send one, and settle when enough are on their way."""
        self._waiting.append((key, value, self._log.send(key, value, HEADERS)))
        self._bytes += len(value)
        if len(self._waiting) >= _IN_FLIGHT or self._bytes >= _IN_FLIGHT_BYTES:
            self.settle()

    def _with_number(self, error: LoginlakeError) -> LoginlakeError:
        """The error, with what came of the other lines: each was waited for."""
        why = f"{error.why} {self.sent:,} lines are durable in the log, of those sent so far.".strip()
        move = (
            f"{error.next_move} To send the whole file again does no harm: a line that is there twice is counted once."
        )
        return type(error)(error.what, why, move.strip())

    def settle(self) -> None:
        """Wait until each is durable or refused."""
        while self._waiting:
            again: list[tuple[bytes | None, bytes]] = []
            failed: LoginlakeError | None = None
            for key, value, future in self._waiting:
                try:
                    future.result()
                    self.sent += 1
                except Overloaded:
                    again.append((key, value))
                except TooLarge:
                    self.refused["too_large"] = self.refused.get("too_large", 0) + 1
                except LoginlakeError as error:
                    failed = error
            if failed is not None:
                raise self._with_number(failed)
            self._waiting = [(key, value, self._log.send(key, value, HEADERS)) for key, value in again]
        self._bytes = 0


def _send_all(
    log: EventLog, messages: Iterable[tuple[bytes | None, bytes]], progress: Callable[[int], None]
) -> SendReport:
    sender = _Sender(log)
    for key, value in messages:
        before = sender.sent
        sender.send(key, value)
        progress(sender.sent - before)
    before = sender.sent
    sender.settle()
    progress(sender.sent - before)
    return SendReport(sender.sent, sender.refused)
