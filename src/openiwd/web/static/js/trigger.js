/**
 * What an answer wants to be raised in the page (`HX-Trigger`) is raised on the element that asked. When a live
 * refresh has replaced that element meanwhile, htmx raises it where nobody hears it: it is raised on the body here.
 */
export function startTriggers() {
  const heard = new WeakSet();
  document.body.addEventListener("htmx:beforeOnLoad", (event) => heard.add(event.detail.xhr));
  document.body.addEventListener("htmx:beforeSend", (event) => {
    const { xhr } = event.detail;
    xhr.addEventListener("loadend", () => {
      const told = heard.has(xhr) ? null : xhr.getResponseHeader("HX-Trigger");
      if (!told) return;
      for (const [name, detail] of Object.entries(JSON.parse(told))) {
        document.body.dispatchEvent(new CustomEvent(name, { detail }));
      }
    });
  });
}
