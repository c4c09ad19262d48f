/** The agents at work: the list and one agent's desk follow their states. */
import { load } from "./load.js";
import { Live, debounced } from "./live.js";

export function startAgents() {
  const page = document.body.dataset.page;
  if (page === "queue" || page === "workspace" || page === "dashboard" || !document.getElementById("live")) return;
  const refresh = debounced(
    () => {
      const list = document.getElementById("agent-live");
      if (list && !list.contains(document.activeElement)) {
        load("GET", `/agents${location.search}`, { target: "#agent-live", swap: "innerHTML" });
      }
    },
    { wait: 300, pause: 1500 },
  );
  const desk = document.querySelector("[data-live-agent]")?.dataset.liveAgent;
  const refreshDesk = debounced(
    () => {
      const place = document.querySelector("[data-live-agent]");
      if (place && !document.getElementById("dialog")?.open) htmx.trigger(document.body, "deskChanged");
    },
    { wait: 300, pause: 1500 },
  );
  new Live(desk ? ["agents", "items"] : ["agents"], {
    onEvents: desk ? refreshDesk : refresh,
    onBack: desk ? refreshDesk : refresh,
  });
}
