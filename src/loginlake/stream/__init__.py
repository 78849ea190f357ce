"""stream: the event waits in a log."""
