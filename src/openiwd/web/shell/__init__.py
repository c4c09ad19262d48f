"""What every page stands on: texts, times, rendering, the visit and its errors."""
