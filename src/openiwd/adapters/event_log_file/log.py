"""Opens a log by its name and plans its replay: the one entry for a process that carries a replay out."""

from __future__ import annotations

from pathlib import Path

from openiwd.adapters.event_log_file.mapping import TableMapping, XesMapping, read_mapping
from openiwd.adapters.event_log_file.table import read_rows
from openiwd.adapters.event_log_file.xes import read_cases
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.replay.case_log import plan_cases
from openiwd.domain.replay.plan import Plan
from openiwd.domain.replay.row_log import plan_rows


def load_plan(path: Path, mapping_path: Path | None = None) -> Plan:
    """The plan of the log in `path`: .xes, .xes.gz, .csv or .csv.gz; a table needs a mapping file."""
    mapping = read_mapping(mapping_path) if mapping_path else None
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    match suffixes[-1:], mapping:
        case [".xes" | ".xml"], XesMapping() | None:
            return plan_cases(read_cases(path, mapping), mapping.sla if mapping else None)
        case [".csv"], TableMapping():
            return plan_rows(read_rows(path, mapping), mapping.sla)
        case [".csv"], None:
            hint = "name one with --mapping; docs/how-to/incident-log-mapping.yaml is an example"
            raise InvalidInputError("A table needs a mapping file", field="mapping", hint=hint)
        case [".xes" | ".xml" | ".csv"], _:
            raise InvalidInputError("The mapping file is for another kind of log", field="mapping")
        case _:
            raise InvalidInputError(
                f"'{path.name}' is no log that can be replayed", hint="it should end in .xes, .xes.gz or .csv"
            )
