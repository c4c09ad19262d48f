/** The one dialog: filled by the server, closed by what came of it. */
export function startDialogs() {
  const dialog = document.getElementById("dialog");
  if (!dialog) return;
  let opener = null;
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== dialog) return;
    if (!dialog.firstElementChild) return dialog.close();
    if (!dialog.open) {
      opener = document.activeElement;
      dialog.showModal();
    }
    dialog.querySelector("[autofocus]")?.focus();
  });
  document.body.addEventListener("closeDialog", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    const outside = event.target === dialog && !dialog.querySelector("[data-keep-open]");
    if (outside || event.target.closest("[data-close]")) dialog.close();
  });
  // What is shown only once is not closed by accident.
  dialog.addEventListener("cancel", (event) => {
    if (dialog.querySelector("[data-keep-open]")) event.preventDefault();
  });
  dialog.addEventListener("close", () => {
    dialog.replaceChildren();
    if (opener?.isConnected) opener.focus();
    opener = null;
  });
}
