"""The verbs for other applications: API keys, and the published form of an event. Registered on `main` by cli.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from loginlake.settings import Settings
    from loginlake.web.keys import ApiKey

Verb = Callable[[Callable[..., Any]], Callable[..., Any]]


def register(main: click.Group, verb: Verb, as_json: Verb) -> None:
    """Add the verbs to `main`. `verb` gives a command its settings; `as_json` is the option --json."""

    @main.group("keys")
    def keys() -> None:
        """Make, list and revoke API keys for other applications."""

    @keys.command("add")
    @click.argument("source")
    @verb
    def add(settings: Settings, source: str) -> None:
        """Make a key for an application, and print it once.

        SOURCE is the URI that its events name as their source; with this key it may send no other's.
        """
        _add(settings, source)

    @keys.command("list")
    @as_json
    @verb
    def list_(settings: Settings, *, as_json: bool) -> None:
        """Print every key's id, source and times; never the key."""
        _list(settings, as_json=as_json)

    @keys.command("revoke")
    @click.argument("key_id", metavar="ID")
    @verb
    def revoke(settings: Settings, key_id: str) -> None:
        """End a key at once, by its ID (see list)."""
        _revoke(settings, key_id)

    @main.command()
    @click.argument("name", type=click.Choice(["signin", "asyncapi"]), default="signin")
    def schema(name: str) -> None:
        """Print the JSON Schema of a sign-in, or the topic's AsyncAPI."""
        from loginlake import schema as schemas

        click.echo(schemas.text(name), nl=False)


def _add(settings: Settings, source: str) -> None:
    from loginlake import wiring
    from loginlake.errors import Misconfigured
    from loginlake.event import rfc3339

    if source == settings.application:
        raise Misconfigured(
            f"{source} is the web's own source.", "A key for it could pass for the sign-in page.", "Take another one."
        )
    made, key = wiring.api_keys(settings).add(source, rfc3339(wiring.now()))
    click.echo(key)
    click.echo(f"This is the key {made.id} of {made.source}. It is not kept: note it now.", err=True)


def _list(settings: Settings, *, as_json: bool) -> None:
    from loginlake import wiring

    keys = [_shown(key) for key in wiring.api_keys(settings).all()]
    if as_json:
        click.echo(msgspec.json.encode({"keys": keys}).decode())
        return
    for key in keys:
        state = f"revoked {key['revoked']}" if key["revoked"] else "good"
        click.echo(f"{key['id']}  {key['made']}  {state}  {key['source']}")


def _shown(key: ApiKey) -> dict[str, Any]:
    return {"id": key.id, "source": key.source, "made": key.made, "revoked": key.revoked}


def _revoke(settings: Settings, key_id: str) -> None:
    from loginlake import wiring
    from loginlake.event import rfc3339

    ended = wiring.api_keys(settings).revoke(key_id, rfc3339(wiring.now()))
    click.echo(f"{ended.id} of {ended.source} is revoked")
