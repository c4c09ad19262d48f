/** Shadow and canary pages: their counts are read again while a trial runs, without taking places or focus away. */
import { debounced } from "./live.js";
import { isFocusLost, loadKeeping } from "./load.js";
import { holdWhilePressed } from "./press.js";

const EVERY_MS = 2000;

function noted(body) {
  const tops = [...body.querySelectorAll("[id^=scroll-]")].map((place) => [place.id, place.scrollTop]);
  const href = document.activeElement?.closest("#draft-trial a")?.getAttribute("href");
  return () => {
    for (const [id, top] of tops) {
      const place = document.getElementById(id);
      if (place) place.scrollTop = top;
    }
    if (!href || !isFocusLost()) return;
    [...body.querySelectorAll("a")].find((link) => link.getAttribute("href") === href)?.focus({ preventScroll: true });
  };
}

export function startTrial() {
  const body = document.getElementById("draft-trial");
  if (!body || "still" in body.dataset) return;
  const soon = debounced(() => refresh(), { wait: 500, pause: EVERY_MS });
  const refresh = async () => {
    if (document.hidden || document.querySelector("dialog[open]")) return;
    await loadKeeping("GET", body.dataset.refresh, { target: "#draft-trial", swap: "innerHTML" }, () => noted(body));
  };
  holdWhilePressed(body, soon);
  setInterval(soon, EVERY_MS);
}
