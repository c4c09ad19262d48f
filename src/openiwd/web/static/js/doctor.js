/** The doctor looks again by itself, and soon after something has changed; focus and place stay. */
import { Live, debounced } from "./live.js";
import { isFocusLost, loadKeeping } from "./load.js";
import { holdWhilePressed } from "./press.js";

export function startDoctor() {
  const doctor = document.getElementById("doctor");
  if (!doctor) return;
  const refresh = async () => {
    if (document.hidden) return;
    const address = doctor.querySelector("[data-refresh]").dataset.refresh;
    await loadKeeping("GET", address, { target: "#doctor", swap: "innerHTML" }, () => {
      const at = document.activeElement;
      const id = doctor.contains(at) ? at.id : null;
      return () => id && isFocusLost() && document.getElementById(id)?.focus({ preventScroll: true });
    });
  };
  const soon = debounced(refresh, { wait: 3000, pause: 12000 });
  holdWhilePressed(doctor, soon);
  new Live(["queues", "agents", "ruleSets", "alarms"], { onEvents: soon, onBack: soon });
  setInterval(soon, 30000);
}
