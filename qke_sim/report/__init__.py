"""What a run leaves: summary, metrics, report, run folder."""
