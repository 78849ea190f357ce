"""`python -m loginlake` is `loginlake`."""

from loginlake.start import main

main()
