"""The commands: where the twin and the real world meet."""
