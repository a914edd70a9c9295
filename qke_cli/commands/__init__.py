"""What each command does: call the twin and the adapters, hand the result to `render`."""
