"""`make prove`: made-up sign-ins go down the real path, its stages are killed, and other code counts what is left."""
