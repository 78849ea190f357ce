"""An hour of silver that cannot be read: a condition with the object's name, and the command that heals it."""

from __future__ import annotations

from loginlake.errors import Corrupt, ObjectNotFound
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore
from loginlake.silver.merge import repeats_of, rows_of


class DamagedHour(Corrupt):
    """An hour's silver or repeated object was changed or damaged after it was written. `key` names it."""

    def __init__(self, slot: keys.Slot, key: str) -> None:
        """Of an hour and shard, and the one of its two objects that cannot be read."""
        self.slot, self.key = slot, key
        super().__init__(
            f"{key} cannot be read.",
            "It was changed or damaged after it was written.",
            f"loginlake rebuild silver --from {slot.date} --to {slot.date} makes it anew from bronze; then loginlake "
            "clean --once. The other hours go on.",
        )


def damaged_object(store: ObjectStore, slot: keys.Slot) -> str | None:
    """The one of an hour's objects that cannot be read; None when both can, or are not there."""
    for key, decode in ((keys.silver(slot), rows_of), (keys.repeated(slot), repeats_of)):
        try:
            decode(lines.decode(store.get(key).data))
        except ObjectNotFound:
            continue
        except Corrupt:
            return key
    return None
