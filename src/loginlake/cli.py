"""The verbs, in the path's order. Each reads the same settings and runs alone.

What a verb needs is imported when it runs: `loginlake --help` is there at once.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, BinaryIO

import click
import msgspec

from loginlake import __version__, cli_drill, cli_operate, cli_sources, cli_systems, journal
from loginlake.errors import INTERRUPTED, LoginlakeError

if TYPE_CHECKING:
    from loginlake.account import Account
    from loginlake.settings import Settings

logger = logging.getLogger(__name__)
JSON = click.option("--json", "as_json", is_flag=True, help="print JSON, for machines")
ONCE = click.option("--once", is_flag=True, help="do what is there now, then end")


class _InOrder(click.Group):
    group_class = type  # those below it as well

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="loginlake")
def main() -> None:
    """Every sign-in of an application, accounted for.

    \b
    The path, a verb a stage:
      web -> (log) -> land -> bronze -> clean -> silver -> publish -> gold -> dashboard
    `loginlake run` does all of it in one process. Settings are environment variables
    LOGINLAKE_* (see `loginlake settings`); without any, everything lives in ./data.
    """


def read_settings() -> Settings:
    """The settings, or one clear line on what is wrong with them."""
    from pydantic import ValidationError

    from loginlake import settings_doc
    from loginlake.settings import Settings

    try:
        settings = Settings()
    except UnicodeDecodeError:
        raise click.ClickException("the file .env is not UTF-8 text. Correct it, or remove it.") from None
    except ValidationError as error:
        wrong = "; ".join(
            f"LOGINLAKE_{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors(include_input=False)
        )
        move = "`loginlake settings --markdown` says what each means."
        raise click.ClickException(f"a setting is wrong: {wrong}. {move}") from None
    journal.start(settings.log_level, settings.log_format)
    for line in settings_doc.mistyped():
        logger.warning(line)
    return settings


def _verb(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the settings and a stop event, and turn a named condition into one clear line and exit code 1."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            settings = read_settings()
            from loginlake.settings import refuse_unsafe

            refuse_unsafe(settings)
            settings.origin  # noqa: B018 - read now, so that an address that is none is said before anything starts
            return function(settings, *args, **kwargs)
        except LoginlakeError as error:
            click.echo(f"loginlake: {error}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)

    return wrapped


def _asking(function: Callable[..., Any]) -> Callable[..., Any]:
    """A verb that asks about what is stored: refused where nothing was ever run, so that nothing passes for all."""

    @wraps(function)
    def wrapped(settings: Settings, *args: Any, **kwargs: Any) -> Any:
        from loginlake.wiring import refuse_nothing

        refuse_nothing(settings)
        return function(settings, *args, **kwargs)

    return _verb(wrapped)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _report(report: Any, *, as_json: bool) -> None:
    """Print a report; exit code 1 when it names what cannot be read."""
    plain = msgspec.to_builtins(report)
    click.echo(msgspec.json.encode(plain).decode() if as_json else "  ".join(f"{k} {v}" for k, v in plain.items()))
    if plain and plain.get("corrupt"):
        sys.exit(1)


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), help="instead of LOGINLAKE_PORT")
@_verb
def run(settings: Settings, port: int | None) -> None:
    """Run every stage in one process, until Ctrl-C.

    Sign-in page, lander, cleaning, publishing and dashboard. What was answered is durable; Ctrl-C leaves nothing
    half-written.
    """
    from loginlake.run_all import run_all

    run_all(_with_port(settings, port))


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), help="instead of LOGINLAKE_PORT")
@click.option("--workers", type=click.IntRange(1, 64), help="instead of LOGINLAKE_WORKERS")
@_verb
def web(settings: Settings, port: int | None, workers: int | None) -> None:
    """Serve the sign-in page; a sign-in becomes an event of the log.

    A browser posts to /api/signin or /signin/redirect, another application to /api/events (see `loginlake keys`).
    A 2xx answer says that the event is durable.
    """
    from loginlake.run_all import serve

    serve(_with_port(settings, port), "web", workers=workers or settings.workers)


@main.command()
@ONCE
@JSON
@_verb
def land(settings: Settings, once: bool, as_json: bool) -> None:
    """Land the log in bronze: exactly what arrived, written once.

    Goes on until Ctrl-C. It begins at the end of what bronze has, so that a second run, or a second lander, lands
    nothing twice. See what it wrote with `loginlake cat bronze/`.
    """
    from loginlake import verbs

    _report(verbs.land(settings, _stop_on_signals(), once=once), as_json=as_json)


@main.command()
@ONCE
@JSON
@_verb
def clean(settings: Settings, once: bool, as_json: bool) -> None:
    """Clean bronze into silver: no repeats, no nulls, nothing lost.

    Goes on until Ctrl-C. Each line of bronze ends in silver, or is repeated, or rejected for a reason that
    `loginlake rejected list` names.
    """
    from loginlake import verbs

    _report(verbs.clean(settings, _stop_on_signals(), once=once), as_json=as_json)


@main.command()
@ONCE
@JSON
@_verb
def publish(settings: Settings, once: bool, as_json: bool) -> None:
    """Publish silver's answers in gold, ready to read.

    People, days, the latest sign-ins, the pipeline. Goes on until Ctrl-C; only the days that changed cost anything.
    """
    from loginlake import verbs

    _report(verbs.publish(settings, _stop_on_signals(), once=once), as_json=as_json)


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), help="instead of LOGINLAKE_PORT")
@_verb
def dashboard(settings: Settings, port: int | None) -> None:
    """Serve the dashboard, for those who may see it.

    Who is signed in at the web and named by LOGINLAKE_VIEWERS or LOGINLAKE_ADMINS. It needs the web's data folder.
    """
    from loginlake.run_all import serve

    serve(_with_port(settings, port), "dashboard", workers=1)


@main.command()
@click.argument("file", type=click.File("rb"))
@JSON
@_verb
def send(settings: Settings, file: BinaryIO, as_json: bool) -> None:
    """Send CloudEvents lines from FILE to the log.

    FILE - is standard input. As any application would, whatever the lines are: judging them is the work of `clean`.
    The key is the event's subject, where it has one. To send the same again does no harm: it is counted once.
    """
    from loginlake import verbs

    report = verbs.send(settings, file)
    _report(report, as_json=as_json)
    if report.refused:
        sys.exit(1)


@main.command()
@click.option("--people", default=300, show_default=True, type=click.IntRange(1), help="how many made-up people")
@click.option("--days", default=60, show_default=True, type=click.IntRange(1, 1000), help="how many days, up to now")
@click.option("--seed", default=7, show_default=True, help="another seed, other people")
@click.option("--until", type=click.DateTime(), metavar="DAY[THH:MM:SS]", help="the last moment, UTC (default: now)")
@click.option("--repeats", default=0.02, show_default=True, type=click.FloatRange(0, 1), help="share sent twice")
@click.option("--nulls", default=0.01, show_default=True, type=click.FloatRange(0, 1), help="share without a value")
@click.option("--broken", default=0.005, show_default=True, type=click.FloatRange(0, 1), help="share of broken lines")
@click.option(
    "--refusals", default=0.01, show_default=True, type=click.FloatRange(0, 1), help="share of refused attempts"
)
@click.option("--if-empty", is_flag=True, help="send nothing when the log already has records")
@click.option("--print", "to_stdout", is_flag=True, help="print the lines instead of sending them")
@JSON
@_verb
def demo(settings: Settings, as_json: bool, **options: Any) -> None:
    """Make believable sign-ins and send them down the real path.

    Of made-up people, with weekly and daily rhythm, growth and churn; repeats, missing values, broken lines and
    refused attempts included.
    """
    from loginlake import verbs

    report = verbs.demo(settings, verbs.DemoOptions(**options))
    if report is not None:
        _report(report, as_json=as_json)


@main.command()
@click.option("--check", is_flag=True, help="exit with 0: it balances, 1: it does not, 2: can't say, records move")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0),
    metavar="S",
    help="count again, S seconds at most, until all is in gold",
)
@click.option(
    "--watch",
    "every_s",
    is_flag=False,
    flag_value=5.0,
    type=click.FloatRange(0.1),
    metavar="[S]",
    help="show it again every S seconds (5), until Ctrl-C",
)
@JSON
@_asking
def status(settings: Settings, check: bool, wait_s: float | None, every_s: float | None, as_json: bool) -> None:
    """Count every record where it is: is everything accounted for?

    accepted = landed + waiting + expired; landed = clean + repeated + rejected + erased + to clean;
    clean = gold + to publish. Each number is counted where it happens.
    """
    from loginlake import verbs

    if every_s is not None:
        _watch(lambda: _screen(settings, verbs.status(settings)), every_s)
        return
    account = verbs.status(settings, wait_s=wait_s or 0.0)
    faults = account.faults()
    if as_json:
        layers = msgspec.to_builtins(verbs.standing(settings), str_keys=True)
        click.echo(msgspec.json.encode({**msgspec.to_builtins(account), "layers": layers}).decode())
    else:
        click.echo(_screen(settings, account))
    if check and faults:
        sys.exit(2 if account.moving else 1)


def _screen(settings: Settings, account: Account) -> str:
    """How far each layer is, and the account."""
    from loginlake import standing, verbs, wiring

    return f"{standing.table(verbs.standing(settings), wiring.now())}\n\n{verbs.account_table(account)}"


def _watch(show: Callable[[], str], every_s: float) -> None:
    from loginlake import wiring
    from loginlake.watch import watch

    watch(show, _stop_on_signals(), sys.stdout, every_s=every_s, now=wiring.now)


@main.command()
@click.argument("key")
@_asking
def cat(settings: Settings, key: str) -> None:
    """Print an object of the lake readably.

    A KEY that ends in / lists what is below it: bronze/, silver/, repeated/, rejected/, receipts/, people/.
    """
    from loginlake import verbs

    for line in verbs.cat(settings, key):
        click.echo(line)


@main.command()
@JSON
@click.option("--env", "as_env", is_flag=True, help="print the lines of .env.example")
@click.option("--markdown", is_flag=True, help="print docs/settings.md")
def settings(as_json: bool, as_env: bool, markdown: bool) -> None:
    """Print every setting: value, source, default, meaning.

    Each is an environment variable LOGINLAKE_<NAME>, or a line of the file .env.
    """
    from loginlake import settings_doc

    if as_env:
        click.echo(settings_doc.env_example(), nl=False)
    elif markdown:
        click.echo(settings_doc.markdown(), nl=False)
    else:
        rows = settings_doc.rows(read_settings())
        click.echo(msgspec.json.encode(rows).decode() if as_json else settings_doc.table(rows))


cli_systems.register(main, _verb, JSON)
cli_operate.register(main, _asking, JSON)
cli_drill.register(main, _verb)
cli_sources.register(main, _verb, JSON)


def _with_port(settings: Settings, port: int | None) -> Settings:
    return settings if port is None else settings.model_copy(update={"port": port})
