/**
 * Ages and durations as people write them: `6`, `6:30` (hours), `2d 6:00`, `90m`, `1d6h30m`, with a minus sign before
 * the anchor. The server reads the same forms; here they only draw. All values are seconds.
 */
export const HOUR = 3600;
export const DAY = 86400;
const UNITS = { d: DAY, h: HOUR, m: 60, s: 1 };
const CLOCK = /^(?:(\d{1,4})\s*d\s*)?(\d{1,5}):([0-5]\d)$/;
const PARTS = /^(?:\d+(?:[.,]\d+)?\s*[dhms]\s*)+$/;

/** Seconds, or null for what is no age. */
export function parseAge(text) {
  const plain = text.trim().replace(/^[−-]\s*/, "");
  const sign = plain === text.trim() ? 1 : -1;
  if (/^\d{1,5}$/.test(plain)) return sign * Number(plain) * HOUR;
  const clock = CLOCK.exec(plain);
  if (clock) return sign * (Number(clock[1] ?? 0) * DAY + Number(clock[2]) * HOUR + Number(clock[3]) * 60);
  if (!PARTS.test(plain)) return null;
  let total = 0;
  for (const [, number, unit] of plain.matchAll(/(\d+(?:[.,]\d+)?)\s*([dhms])/g)) {
    total += Number(number.replace(",", ".")) * UNITS[unit];
  }
  return sign * total;
}

/** `6:30`; from two days on `2d 6:00`, unless a day has another length on the clock. */
export function ageText(seconds, days = true) {
  const sign = seconds < 0 ? "−" : "";
  const whole = Math.abs(seconds);
  if (whole % 60) return sign + partsText(whole);
  const d = days && whole >= 2 * DAY ? Math.floor(whole / DAY) : 0;
  const rest = whole - d * DAY;
  const clock = `${Math.floor(rest / HOUR)}:${String((rest % HOUR) / 60).padStart(2, "0")}`;
  if (!d) return sign + clock;
  return sign + (rest ? `${d}d ${clock}` : `${d}d`);
}

function partsText(seconds) {
  let rest = seconds;
  let text = "";
  for (const [unit, size] of Object.entries(UNITS)) {
    const count = unit === "s" ? Math.round(rest * 1e6) / 1e6 : Math.floor(rest / size);
    if (count) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text || "0s";
}

/** Short, for an axis whose marks are so far apart: `2 h`, `0:30`, `3 d`. */
export function axisAge(seconds, apart, days = true) {
  const sign = seconds < 0 ? "−" : "";
  const whole = Math.abs(seconds);
  if (days && apart % DAY === 0) return `${sign}${whole / DAY} d`;
  if (apart % HOUR === 0) return `${sign}${whole / HOUR} h`;
  return `${sign}${ageText(whole, false)}`;
}
