"""All of it, one after the other: `make bench`. The figures are this machine's; the ratios hold better."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = (
    ("start.py",),
    ("bench_log.py",),
    ("bench_land.py",),
    ("bench_clean.py",),
    ("bench_publish.py",),
    ("bench_dashboard.py", "--people", "100000", "--signins", "5000000"),
    ("bench_viewers.py",),
    ("bench_audit.py", "300000", "3"),
    ("path.py", "1"),
    ("bench_lander.py", "400000", "2"),
    ("bench_web.py", "4000", "2"),
)


def main() -> None:
    for script, *arguments in SCRIPTS:
        print(f"\n== {script} {' '.join(arguments)}", flush=True)
        subprocess.run([sys.executable, str(HERE / script), *arguments], check=True)


if __name__ == "__main__":
    main()
