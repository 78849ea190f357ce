"""quixstreams' own way from a topic to Azure Blob Storage: its file sink, gzipped JSON lines, its own defaults."""

from __future__ import annotations

import sys

from quixstreams import Application  # type: ignore[import-not-found]
from quixstreams.sinks.community.file.azure import AzureFileSink  # type: ignore[import-not-found]
from quixstreams.sinks.community.file.formats import JSONFormat  # type: ignore[import-not-found]


def main(bootstrap: str, topic: str, connection_string: str, container: str, count: str) -> None:
    app = Application(
        bootstrap,
        consumer_group=f"quix-{topic}",
        auto_offset_reset="earliest",
        auto_create_topics=False,
        use_changelog_topics=False,
        loglevel="ERROR",
    )
    sink = AzureFileSink(connection_string, container, format=JSONFormat(compress=True))
    app.dataframe(app.topic(topic, value_deserializer="json")).sink(sink)
    app.run(count=int(count), timeout=120, collect=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
