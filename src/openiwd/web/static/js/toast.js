/** What was done, or what went wrong, said for a while at the foot of the page. */
const SHOWN_MS = { ok: 5000, bad: 12000 };

export function toast({ text, hint = null, kind = "ok" }) {
  const place = document.getElementById("toasts");
  if (!place || !text) return;
  const box = document.createElement("div");
  box.className = `toast ${kind}`;
  if (kind === "bad") box.setAttribute("role", "alert");
  const words = document.createElement("div");
  words.textContent = text;
  if (hint) {
    const small = document.createElement("small");
    small.textContent = hint;
    words.append(small);
  }
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "✕";
  button.setAttribute("aria-label", document.body.dataset.closeText);
  button.addEventListener("click", () => box.remove());
  box.append(words, button);
  place.append(box);
  while (place.children.length > 3) place.firstElementChild.remove();
  setTimeout(() => box.remove(), SHOWN_MS[kind] ?? SHOWN_MS.ok);
}

export function startToasts() {
  // htmx rejects with nothing when a request fails or is given up; the failure itself is told below.
  addEventListener("unhandledrejection", (event) => {
    if (event.reason === undefined) event.preventDefault();
  });
  document.body.addEventListener("toast", (event) => toast(event.detail));
  document.body.addEventListener("htmx:responseError", (event) => {
    const told = event.detail.xhr.getResponseHeader("HX-Trigger");
    if (!told || !told.includes('"toast"')) toast({ text: document.body.dataset.errorText, kind: "bad" });
  });
  document.body.addEventListener("htmx:sendError", () => {
    toast({ text: document.body.dataset.offlineText, kind: "bad" });
  });
}
