"""Rules that can be checked on paper: each looks at documents or an observation and says what it finds."""

from qke_core.rules.finding import Finding, Severity
from qke_core.rules.upgrade import check_upgrade

__all__ = ["Finding", "Severity", "check_upgrade"]
