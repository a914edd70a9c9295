"""What happens inside each operation: its stages, who feels them, and how long they take."""

from qke_core.plan.stages.table import schedule_of

__all__ = ["schedule_of"]
