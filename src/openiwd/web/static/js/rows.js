/** Rows of an editor that are added and removed, and a question before leaving what was typed. */
export function startRows() {
  document.addEventListener("click", (event) => {
    const add = event.target.closest("[data-add-line]");
    if (add) {
      const list = document.getElementById(add.dataset.addLine);
      const template = document.getElementById(`${add.dataset.addLine}-template`);
      list.append(template.content.cloneNode(true));
      list.lastElementChild.querySelector("input, select")?.focus();
      touched = true;
      return;
    }
    const drop = event.target.closest("[data-drop-line]");
    if (!drop) return;
    const row = drop.closest("[data-line]");
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    next?.querySelector("input, select")?.focus();
    touched = true;
  });
  guard();
}

let touched = false;

function guard() {
  document.addEventListener("input", (event) => {
    if (event.target.closest("[data-guarded]")) touched = true;
  });
  for (const name of ["submit", "htmx:beforeRequest"]) {
    document.body.addEventListener(name, (event) => {
      if (event.target.matches?.("[data-guarded]")) touched = false;
    });
  }
  document.body.addEventListener("htmx:afterSwap", () => {
    if (document.querySelector("[data-guarded] [role=alert]")) touched = true;
  });
  addEventListener("beforeunload", (event) => {
    if (touched && document.querySelector("[data-guarded]")) event.preventDefault();
  });
}
