/** The shape of a prioritization curve, as the domain computes it exactly: here it only draws and estimates. */
import { HOUR } from "./age.js";

/** Straight parts: `start + slope * (age - from)`, the first flat from ever. Slopes are per second. */
function segments({ points, steps, slopeAfter }) {
  const parts = [{ from: -Infinity, start: points[0].priority, slope: 0 }];
  points.forEach(({ age, priority }, k) => {
    const next = points[k + 1];
    const slope = next ? (steps ? 0 : (next.priority - priority) / (next.age - age)) : slopeAfter / HOUR;
    parts.push({ from: age, start: priority, slope });
  });
  return parts;
}

export const under = (maximum, value) => (maximum === null ? value : Math.min(maximum, value));

function raw(part, age) {
  return part.from === -Infinity ? part.start : part.start + part.slope * (age - part.from);
}

/** The curve's value at an age, its maximum applied. */
export function valueAt(curve, age) {
  let part = null;
  for (const each of segments(curve)) {
    if (each.from > age) break;
    part = each;
  }
  return under(curve.maximum, raw(part, age));
}

/** Where straight lines join from one age to another; two at an age where the curve jumps. */
export function corners(curve, low, high) {
  const parts = segments(curve);
  const found = [];
  parts.forEach((part, k) => {
    const start = Math.max(part.from, low);
    const end = Math.min(parts[k + 1]?.from ?? high, high);
    if (end < start) return;
    found.push([start, under(curve.maximum, raw(part, start))]);
    if (curve.maximum !== null && part.slope && part.from !== -Infinity) {
      const meets = part.from + (curve.maximum - part.start) / part.slope;
      if (meets > start && meets < end) found.push([meets, curve.maximum]);
    }
    found.push([end, under(curve.maximum, raw(part, end))]);
  });
  return found;
}

/** 1, 2, 2.5 or 5 times a power of ten, not below the step. */
export function nice(step) {
  const size = 10 ** Math.floor(Math.log10(Math.max(step, 1e-6)));
  return [1, 2, 2.5, 5, 10].find((f) => f * size >= step - 1e-9) * size;
}

export const grouped = (n) => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f").replace("-", "−");
export const trimmed = (value, step) => Number((Math.round(value / step) * step).toFixed(6));
