"""What can be seen of the stages from outside: metrics, and traces where their libraries are installed."""
