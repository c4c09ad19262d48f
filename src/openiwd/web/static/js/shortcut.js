/** Keys for buttons that name one (`data-key`), and `/` for finding. Never while somebody types. */
export function isTyping() {
  const at = document.activeElement;
  if (!at) return false;
  return at.isContentEditable || at.matches("textarea, select, input:not([type=checkbox])");
}

export function isBusy() {
  return document.getElementById("dialog")?.open || document.querySelector(".menu:not([hidden])") !== null;
}

export function startShortcuts() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping() || isBusy()) return;
    if (event.key === "/") {
      const find = document.getElementById("find");
      if (find) {
        event.preventDefault();
        find.focus();
        find.select();
      }
      return;
    }
    const key = event.key.toLowerCase();
    const bar = document.getElementById("bulkbar");
    const within = bar && !bar.hidden ? bar : document;
    const button = within.querySelector(`[data-key="${CSS.escape(key)}"]`) ?? document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (button && button.offsetParent !== null) {
      event.preventDefault();
      button.click();
    }
  });
}
