/** The bell and the list of alarms follow what is raised, cleared and acknowledged. */
import { debounced } from "./live.js";
import { isFocusLost, load } from "./load.js";
import { holdWhilePressed } from "./press.js";

/** After an act its button is gone: the focus goes on to the next of the same line, else of the list. */
function refocus(id, index) {
  if (document.activeElement && document.activeElement !== document.body) return;
  const rows = [...document.querySelectorAll("#alarms tr[data-alarm]")];
  const row = rows.find((each) => each.dataset.alarm === id) ?? rows[Math.min(index, rows.length - 1)];
  row?.querySelector("button, a")?.focus({ preventScroll: true });
}

function startList() {
  const list = document.getElementById("alarm-list");
  if (!list) return;
  const refresh = debounced(
    () => {
      if (document.hidden || document.querySelector("dialog[open]")) return;
      const focus = list.contains(document.activeElement) ? document.activeElement.id : null;
      load("GET", list.querySelector("[data-refresh]").dataset.refresh, { target: "#alarm-list", swap: "innerHTML" }).then(
        () => focus && isFocusLost() && document.getElementById(focus)?.focus({ preventScroll: true }),
      );
    },
    { wait: 300, pause: 2000 },
  );
  holdWhilePressed(list, refresh);
  document.addEventListener("live:alarms", refresh);
  document.body.addEventListener("alarmsChanged", refresh);
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    const row = event.target.closest?.("tr[data-alarm]");
    if (!row) return;
    const index = [...row.parentElement.children].indexOf(row);
    const { xhr } = event.detail;
    xhr.addEventListener("loadend", () => setTimeout(() => refocus(row.dataset.alarm, index), 0));
  });
}

export function startAlarms() {
  const bell = document.getElementById("bell");
  if (!bell) return;
  const count = debounced(() => htmx.trigger(bell, "count"), { wait: 200, pause: 1500 });
  document.addEventListener("live:alarms", count);
  document.body.addEventListener("alarmsChanged", count);
  startList();
}
