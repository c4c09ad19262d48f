/** Asks for a part of the page. A failure has been told by a toast already; it must not stop what comes after. */
export function load(method, path, options) {
  return htmx.ajax(method, path, options).catch(() => {});
}
