/** The list of agents follows their states. */
import { load } from "./load.js";
import { Live, debounced } from "./live.js";

export function startAgents() {
  const page = document.body.dataset.page;
  if (page === "queue" || page === "workspace" || page === "dashboard" || !document.getElementById("live")) return;
  const body = document.getElementById("agent-rows");
  const refresh = debounced(
    () => {
      if (body && !body.contains(document.activeElement)) {
        load("GET", "/agents", { target: "#agent-rows", swap: "innerHTML" });
      }
    },
    { wait: 300, pause: 1500 },
  );
  new Live(["agents"], { onEvents: refresh, onBack: refresh });
}
