/**
 * How long each item in hand was the one in focus on this desk: counted here, sent with the act that ends its assignment.
 * Kept for as long as the tab lives, so that a reload does not lose it.
 */
const KEY = "openiwd.focus.";
const STEP_MS = 1000;
/** Browsers slow down what lies in the background; a longer gap is a machine that slept. */
const GAP_MS = 90000;
const ENDING = /^\/(?:items\/([^/?]+)\/act\/|workspace\/items\/([^/?]+)\/emails)/;
/** Acts after which a new assignment begins with nothing. */
const ENDS = new Set(["complete", "return", "transfer", "hold", "cancel"]);

const read = (id) => Number(sessionStorage.getItem(KEY + id) ?? 0);

export function startFocusTime(heldId) {
  let shown = heldId();
  let since = performance.now();

  function count() {
    const now = performance.now();
    if (shown && now - since < GAP_MS) sessionStorage.setItem(KEY + shown, String(read(shown) + now - since));
    shown = heldId();
    since = now;
  }

  setInterval(count, STEP_MS);
  document.body.addEventListener("htmx:configRequest", ({ detail }) => {
    const found = ENDING.exec(detail.path);
    if (detail.verb !== "post" || !found) return;
    count();
    detail.parameters.focusSeconds = String(Math.floor(read(found[1] ?? found[2]) / 1000));
  });
  document.body.addEventListener("itemTaken", ({ detail }) => sessionStorage.removeItem(KEY + detail.id));
  document.body.addEventListener("itemChanged", ({ detail }) => {
    if (ENDS.has(detail.action)) sessionStorage.removeItem(KEY + detail.id);
  });
}
