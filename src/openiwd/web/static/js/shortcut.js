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
    const named = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].filter((each) => each.offsetParent !== null);
    // With a selection the keys mean all of it, not the item that is open.
    const button = named.find((each) => bar?.contains(each)) ?? named[0];
    if (button) {
      event.preventDefault();
      button.click();
    }
  });
}
