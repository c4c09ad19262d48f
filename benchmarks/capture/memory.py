"""`python -m benchmarks.capture.memory FILE`: reads a file as a capture point does; prints rows and the most memory."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.capture.files import read
from benchmarks.processes import most_resident_megabytes

if __name__ == "__main__":
    before = most_resident_megabytes()
    rows = read(Path(sys.argv[1]))
    print(json.dumps({"rows": rows, "megabytes": most_resident_megabytes(), "before": before}))
