"""riskgate: everything that happens is journalled first; a pure function turns the journal into alarms."""

__version__ = "0.1.0"
