"""The demo: an invented insurer with a bank, its rule set, people, two weeks of history, and live traffic."""

from openiwd.processes.demo.loading import load_demo, plan_history

__all__ = ["load_demo", "plan_history"]
