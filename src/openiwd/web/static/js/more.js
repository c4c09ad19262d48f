/** The row at the end of a list that loads what follows, once it is seen: where that fails, it can be asked for again. */
function show(row, { failed }) {
  row.querySelector("[data-loading]").hidden = failed;
  row.querySelector("[data-again]").hidden = !failed;
}

export function startMore() {
  document.body.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (!detail.successful && detail.elt.matches(".more-rows")) show(detail.elt, { failed: true });
  });
  document.addEventListener("click", (event) => {
    const row = event.target.closest("[data-again]")?.closest(".more-rows");
    if (!row) return;
    show(row, { failed: false });
    row.dispatchEvent(new Event("again"));
  });
}
