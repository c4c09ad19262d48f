/**
 * What an answer wants to be raised in the page (`HX-Trigger`) is raised on the element that asked, and so is its
 * failure. When a live refresh has replaced that element meanwhile, htmx raises both where nobody hears them: they
 * are raised on the body here.
 */
const raise = (name, detail) => document.body.dispatchEvent(new CustomEvent(name, { detail }));
const complain = (text) => raise("toast", { text, kind: "bad" });

export function startTriggers() {
  const heard = new WeakSet();
  for (const name of ["htmx:beforeOnLoad", "htmx:sendError"]) {
    document.body.addEventListener(name, (event) => heard.add(event.detail.xhr));
  }
  document.body.addEventListener("htmx:beforeSend", (event) => {
    const { xhr } = event.detail;
    xhr.addEventListener("load", () => {
      if (heard.has(xhr)) return;
      const told = JSON.parse(xhr.getResponseHeader("HX-Trigger") ?? "{}");
      for (const [name, detail] of Object.entries(told)) raise(name, detail);
      if (xhr.status >= 400 && !told.toast) complain(document.body.dataset.errorText);
    });
    xhr.addEventListener("error", () => {
      if (!heard.has(xhr)) complain(document.body.dataset.offlineText);
    });
  });
}
