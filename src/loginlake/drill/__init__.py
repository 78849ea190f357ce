"""Drills: a failure, rehearsed on a private copy of the path with made-up sign-ins. `loginlake drill` lists them."""
