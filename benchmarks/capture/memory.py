"""`python -m benchmarks.capture.memory FILE`: reads a file as a capture point does; prints rows and the most memory."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from benchmarks.capture.files import read

if __name__ == "__main__":
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = read(Path(sys.argv[1]))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"rows": rows, "megabytes": most / 1024, "before": before / 1024}))
