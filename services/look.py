"""Look at log, lake and gold with clients that are none of ours: `python -m services.look` after `make services`.

Kafka's own console consumer, Azure's own SDK and mongosh, each pinned with its sums like the servers. What they see
is there: they share no code with the product.
"""

from __future__ import annotations

import gzip
import json
import sys
from typing import Any
from urllib.parse import urlsplit

from azure.storage.blob import ContainerClient

from services import azurite, kafka
from services.__main__ import environment, say
from services.child import CACHE, ROOT, NotStarted, run

_PINS = ROOT / "look"
_SECONDS = 60


def console_consumer(bootstrap: str, topic: str, wait_s: float = 5.0) -> list[str]:
    """The values of a topic from its beginning, as Kafka's console consumer prints them, until none comes any more."""
    jars = kafka.install_jars(CACHE / "kafka-tools", _PINS / "kafka")
    quiet = f"-Dlog4j2.configurationFile={_PINS / 'kafka' / 'log4j2.properties'}"
    options = ["--bootstrap-server", bootstrap, "--topic", topic, "--from-beginning"]
    java = ["java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", quiet, "-cp", f"{jars}/*"]
    command = [*java, "org.apache.kafka.tools.consumer.ConsoleConsumer", *options]
    said = run([*command, "--timeout-ms", str(int(wait_s * 1000))], "Kafka's console consumer", timeout_s=_SECONDS)
    return said.splitlines()


def blobs(url: str, prefix: str) -> dict[str, list[dict[str, Any]]]:
    """The JSON lines of each object below a prefix of a lake on Azurite, read by Azure's SDK."""
    parts = urlsplit(url)
    account, container, *_ = parts.path.strip("/").split("/")
    endpoint = f"{parts.scheme}://{parts.netloc}/{account}"
    with ContainerClient(endpoint, container, credential=azurite.KEY) as client:
        found = {name: client.download_blob(name).readall() for name in client.list_blob_names(name_starts_with=prefix)}
    return {name: [json.loads(line) for line in gzip.decompress(data).splitlines()] for name, data in found.items()}


def mongosh(url: str, expression: str) -> Any:
    """What an expression gives in MongoDB's shell: JSON, with its extensions."""
    program = azurite.install_npm("mongosh", _PINS / "mongosh") / ".bin" / "mongosh"
    command = [str(program), url, "--quiet", "--norc", "--json=relaxed", "--eval", expression]
    return json.loads(run(command, "mongosh", timeout_s=_SECONDS))


def main() -> int:
    """Print the last event of each layer."""
    told = environment()
    bootstrap, topic = told["LOGINLAKE_LOG_URL"].removeprefix("kafka://").split("/")
    try:
        values = console_consumer(bootstrap, topic)
        say(f"Kafka's console consumer: {len(values)} records in {topic}\n  {values[-1] if values else ''}")
        for layer in ("bronze/signins/", "silver/signins/"):
            seen = blobs(told["LOGINLAKE_LAKE_URL"], layer)
            say(f"Azure's SDK: {len(seen)} objects below {layer}, {sum(map(len, seen.values()))} lines")
            for name in list(seen)[-1:]:
                say(f"  {name}\n  {json.dumps(seen[name][-1], ensure_ascii=False)}")
        people = "db.users.find({}, {username: 1, signins: 1, last: 1}).sort({last: -1}).limit(5).toArray()"
        say("mongosh: the people who signed in last")
        for person in mongosh(told["LOGINLAKE_GOLD_URL"], people):
            say(f"  {json.dumps(person, ensure_ascii=False)}")
    except NotStarted as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
