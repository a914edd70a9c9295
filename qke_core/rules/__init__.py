"""Rules that can be checked on paper: each looks at documents or an observation and says what it finds."""

from qke_core.rules.case import Case
from qke_core.rules.check import check_cluster, check_world
from qke_core.rules.finding import Finding, Severity
from qke_core.rules.upgrade import check_upgrade

__all__ = ["Case", "Finding", "Severity", "check_cluster", "check_upgrade", "check_world"]
