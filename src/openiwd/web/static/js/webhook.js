/**
 * How many deliveries wait and were given up follows what happens. Only texts change, so that nothing moves under the
 * pointer; when a receiver's state has changed, the list is read again, unless the reader is at work in it.
 */
const EVERY_MS = 3000;

function isBusy(list) {
  return document.hidden || document.querySelector("dialog[open]") || list?.contains(document.activeElement);
}

function show(found) {
  for (const place of document.querySelectorAll("[data-count]")) {
    const text = found[place.dataset.count];
    if (text !== undefined && place.textContent !== text) place.textContent = text;
  }
  const states = [...document.querySelectorAll("[data-webhook-state]")];
  const changed = states.some((place) => found[place.dataset.webhookState] !== place.dataset.state);
  if (changed && !isBusy(document.getElementById("list"))) htmx.trigger(document.body, "listChanged");
}

export function startWebhooks() {
  const source = () => document.querySelector("[data-webhook-counts]")?.dataset.webhookCounts;
  if (!source()) return;
  setInterval(async () => {
    const path = source();
    if (!path || document.hidden) return;
    const answer = await fetch(path, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (answer?.ok && answer.headers.get("Content-Type")?.startsWith("application/json")) show(await answer.json());
  }, EVERY_MS);
}
