"""The signals: each reads the loaded facts by set-based SQL, lets its rule judge, and tells what it found."""

from settlement.risk.signals.ground import Signal
from settlement.risk.signals.scan import scan

__all__ = ["Signal", "scan"]
