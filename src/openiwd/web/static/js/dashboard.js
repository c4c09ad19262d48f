/** Dashboards follow what happens: the numbers are read again as a whole, without taking places or focus away. */
import { Live, debounced } from "./live.js";
import { isFocusLost, loadKeeping } from "./load.js";
import { holdWhilePressed } from "./press.js";

const places = () => [...document.querySelectorAll("#dash [id^=scroll-]")];

/** What the reader is at: an element with an id, else a link by where it leads. */
function focused() {
  const at = document.activeElement;
  if (!at?.closest("#dash")) return null;
  const own = at.id || at.getAttribute("aria-describedby");
  const href = at.getAttribute("href");
  return () => {
    const dash = document.getElementById("dash");
    const found =
      (own && (document.getElementById(at.id) ?? dash.querySelector(`[aria-describedby="${own}"]`))) ||
      [...dash.querySelectorAll("a")].find((link) => link.getAttribute("href") === href);
    found?.focus({ preventScroll: true });
  };
}

async function refresh() {
  const dash = document.getElementById("dash");
  if (document.hidden || dash.querySelector(".hint:hover")) return;
  await loadKeeping("GET", dash.dataset.refresh, { target: "#dash", swap: "innerHTML" }, () => {
    const tops = places().map((place) => [place.id, place.scrollTop]);
    const back = focused();
    return () => {
      for (const [id, top] of tops) {
        const place = document.getElementById(id);
        if (place) place.scrollTop = top;
      }
      if (isFocusLost()) back?.();
    };
  });
  const now = document.getElementById("as-of-now");
  const shown = document.getElementById("as-of");
  shown.textContent = now.textContent;
  shown.title = now.dataset.exact;
}

export function startHints() {
  document.addEventListener("keydown", (event) => {
    const hint = event.key === "Escape" && document.activeElement?.closest(".hint");
    hint && hint.classList.add("is-shut");
  });
  document.addEventListener("focusout", (event) => event.target.closest?.(".hint")?.classList.remove("is-shut"));
}

export function startDashboard() {
  const dash = document.getElementById("dash");
  if (!dash) return;
  // What was counted is kept for two seconds at least: asked any sooner, the answer could be older than the event.
  const soon = debounced(refresh, { wait: 2200, pause: 5000 });
  holdWhilePressed(dash, soon);
  new Live(["queues", "agents"], { onEvents: soon, onBack: soon });
  document.addEventListener("visibilitychange", soon);
  // Items become overdue even when nothing happens.
  setInterval(soon, 20000);
  // What the page came with may have been counted before the last event that this connection did not hear of.
  soon();
}
