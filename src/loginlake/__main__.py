"""`python -m loginlake` is `loginlake`."""

from loginlake.cli import main

main(prog_name="loginlake")
