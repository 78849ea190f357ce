"""What each fault of a schedule does. Every act says whether it struck: a fault that met nothing proves nothing."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from faults.client import Client
from faults.schedule import Act
from faults.servers import Servers
from faults.stage import TOLD, Trap
from faults.world import World

from services.kafka import ready

_KILLED = -signal.SIGKILL
_LONG = 0.4  # so many of the pauses last as long as they do in life, in a long drill
_hold = threading.Event().wait


def strike(world: World, client: Client, act: Act) -> bool:
    """Do what the act says; whether it struck. A stage has that many records to do that none before it has seen."""
    before = world.logged()
    client.more(act.events)
    world.until_logged(before + act.events)
    system, _, rest = act.kind.partition(".")
    if rest.startswith("kill.") and system in ("land", "clean", "publish"):
        return _kill(world, system, rest.removeprefix("kill."), act)
    if system == "store":
        return _store(world, act, rest)
    return _ACTS[act.kind](world, client, act)


def _kill(world: World, stage: str, step: str, act: Act) -> bool:
    world.before(stage)
    with world.reader():
        run = world.start(stage, Trap(step, act.nth, act.when, "kill"))
        return run.end(_KILLED) == _KILLED


def _zombie(world: World, client: Client, act: Act) -> bool:
    """A lander sleeps past its session with records in hand, another lands them, the sleeper wakes and goes on."""
    step = "fetch" if act.chance < 0.5 else "put"
    sleeper = world.start("land", Trap(step, 2 if step == "fetch" else 1, act.when.replace("during", "after"), "stop"))
    if not sleeper.until_sprung():
        sleeper.end()
        return False
    sleeper.until_stopped()
    world.land()
    sleeper.go_on()
    sleeper.end()
    return True


def _two(world: World, client: Client, act: Act) -> bool:
    """Two landers that both hold every partition."""
    trap = Trap("put", 1, "before", "say")
    both = [world.start("land", trap), world.start("land", trap, group="loginlake-land-too")]
    for run in both:
        run.end()
    return all(run.sprung for run in both)


def _full(stage: str, step: str) -> Callable[[World, Client, Act], bool]:
    def act_on(world: World, client: Client, act: Act) -> bool:
        world.before(stage)
        run = world.start(stage, Trap(step, act.nth, "before", "full"))
        run.end(TOLD)
        return run.sprung

    return act_on


def _kill_web(world: World, client: Client, act: Act) -> bool:
    world.kill_web()
    return True


def _full_web(world: World, client: Client, act: Act) -> bool:
    """The disk under the web is full; on real servers with the broker away, so that the spool is what fails."""
    with _cut(world), world.full_disk():
        client.until_refused()
    client.more(1)
    return True


@contextmanager
def _cut(world: World) -> Iterator[None]:
    if world.servers is None:
        yield
        return
    world.servers.kafka_proxy.down()
    try:
        yield
    finally:
        world.servers.kafka_proxy.heal()


# Real servers.


def _broker_killed(world: World, client: Client, act: Act) -> bool:
    """Killed with -9 in the middle of what the web sends and a lander reads; sign-ins are answered meanwhile."""
    servers = _servers(world)
    lander = world.start("land", Trap("fetch", 2, "after", "say"))
    lander.until_sprung()
    servers.kafka.child.kill()
    client.more(act.events)
    _broker_back(servers)
    lander.end()
    return True


def _broker_down(world: World, client: Client, act: Act) -> bool:
    """Away from before the web's start until long after."""
    servers = _servers(world)
    servers.kafka.child.kill()
    world.kill_web()
    client.more(2 * act.events)
    _broker_back(servers)
    return True


def _broker_back(servers: Servers) -> None:
    servers.kafka.child.start_again()
    servers.kafka.child.wait_until(lambda: ready(servers.kafka.port))


def _broker_paused(world: World, client: Client, act: Act) -> bool:
    servers = _servers(world)
    servers.kafka.child.pause()
    try:
        client.more(act.events)
        _hold(act.hold_s + servers.pause_s * (act.chance < _LONG))
    finally:
        servers.kafka.child.go_on()
    return True


def _broker_behind(kind: str, stream: str, **attributes: int) -> Callable[[World, Client, Act], bool]:
    """A fault on the way to the broker. Without its answers: Kafka has the records, and the web does not know."""

    def act_on(world: World, client: Client, act: Act) -> bool:
        servers = _servers(world)
        servers.kafka_proxy.toxic(kind, "upstream" if stream == "upstream" else "downstream", **attributes)
        try:
            client.more(act.events)
        finally:
            servers.kafka_proxy.heal()
        return True

    return act_on


def _broker_cut(world: World, client: Client, act: Act) -> bool:
    with _cut(world):
        client.more(act.events)
    return True


def _store(world: World, act: Act, fault: str) -> bool:
    """A fault of the way to the store, from just before a write of land or clean on."""
    servers = _servers(world)
    stage, step = ("land", "put") if act.chance < 0.6 else ("clean", "silver")
    world.before(stage)
    proxy = servers.lake_proxy
    body: dict[str, object]
    if fault in ("500", "503"):
        way, body = "", {"upstream": f"127.0.0.1:{servers.refusing[int(fault)]}"}
    else:
        way, body = "/toxics", _toxic(fault, act)
    run = world.start(stage, Trap(step, act.nth, "before", "ask", url=proxy.url + way, body=json.dumps(body)))
    try:
        if run.until_sprung():
            _hold(act.hold_s + servers.hung_s * (fault == "hung" and act.chance < _LONG))
    finally:
        servers.heal_lake()
    run.end(TOLD)
    return run.sprung


def _toxic(fault: str, act: Act) -> dict[str, object]:
    """As the fault proxy calls it."""
    stream, kind, attributes = {
        "cut": ("upstream", "limit_data", {"bytes": 600 + int(600 * act.chance)}),
        "slow": ("upstream", "bandwidth", {"rate": 1}),
        "hung": ("upstream", "timeout", {"timeout": 0}),
        "reply_dropped": ("downstream", "timeout", {"timeout": 200}),
        "reset": ("downstream", "reset_peer", {"timeout": 20}),
    }[fault]
    return {"type": kind, "stream": stream, "attributes": attributes}


def _gold_killed(world: World, client: Client, act: Act) -> bool:
    """MongoDB's server is killed with -9 in the middle of a bulk write, and started again."""
    servers = _servers(world)
    world.before("publish")
    step = "rows" if act.chance < 0.7 else "pointer"
    with world.reader():
        run = world.start("publish", Trap(step, 1, act.when, "kill other", pid=servers.mongo.child.pid))
        if sprung := run.until_sprung():
            servers.mongo_back()
        run.end(TOLD)
    return sprung


def _gold_cut(world: World, client: Client, act: Act) -> bool:
    servers = _servers(world)
    world.before("publish")
    body = {"type": "limit_data", "stream": "upstream", "attributes": {"bytes": 200 + int(2000 * act.chance)}}
    with world.reader():
        url = servers.gold_proxy.url + "/toxics"
        run = world.start("publish", Trap("rows", 1, "before", "ask", url=url, body=json.dumps(body)))
        if sprung := run.until_sprung():
            _hold(act.hold_s)
        servers.gold_proxy.heal()
        run.end(TOLD)
    return sprung


def _servers(world: World) -> Servers:
    assert world.servers is not None
    return world.servers


_ACTS: dict[str, Callable[[World, Client, Act], bool]] = {
    "land.zombie": _zombie,
    "land.two": _two,
    "land.full": _full("land", "put"),
    "clean.full": _full("clean", "silver"),
    "web.kill": _kill_web,
    "web.full": _full_web,
    "broker.kill": _broker_killed,
    "broker.down": _broker_down,
    "broker.pause": _broker_paused,
    "broker.cut": _broker_cut,
    "broker.slow": _broker_behind("latency", "downstream", latency=1500),
    "broker.ack_dropped": _broker_behind("timeout", "downstream", timeout=0),
    "gold.kill": _gold_killed,
    "gold.cut": _gold_cut,
}
