/** Keys for buttons that name one (`data-key`), and `/` for finding. Never while somebody types. */
export function isTyping() {
  const at = document.activeElement;
  if (!at) return false;
  return at.isContentEditable || at.matches("textarea, select, input:not([type=checkbox])");
}

export function isBusy() {
  return document.getElementById("dialog")?.open || document.querySelector(".menu:not([hidden])") !== null;
}

/** All keys of the page: those of visible buttons, and those that the page itself lists. */
function showKeys() {
  const lines = [];
  for (const each of document.querySelectorAll("#key-help [data-key-name]")) {
    lines.push([each.dataset.keyName, each.textContent.trim()]);
  }
  for (const each of document.querySelectorAll("[data-key]")) {
    if (each.offsetParent === null) continue;
    const words = each.cloneNode(true);
    for (const drop of words.querySelectorAll("kbd, svg, [aria-hidden]")) drop.remove();
    lines.push([each.dataset.key.toUpperCase(), each.getAttribute("aria-label") ?? words.textContent.trim()]);
  }
  const texts = document.body.dataset;
  if (document.getElementById("find")) lines.push(["/", texts.keysFindText]);
  lines.push(["?", texts.keysHelpText]);
  const list = document.createElement("dl");
  list.className = "key-list";
  for (const [keys, what] of lines) {
    const name = document.createElement("dt");
    for (const key of keys.split(" ")) name.append(Object.assign(document.createElement("kbd"), { textContent: key }));
    list.append(name, Object.assign(document.createElement("dd"), { textContent: what }));
  }
  const form = document.createElement("form");
  form.method = "dialog";
  const title = Object.assign(document.createElement("h2"), { id: "dialog-title", textContent: texts.keysTitleText });
  const foot = document.createElement("footer");
  foot.append(Object.assign(document.createElement("button"), { className: "btn", textContent: texts.closeText }));
  form.append(title, list, foot);
  const dialog = document.getElementById("dialog");
  dialog.replaceChildren(form);
  dialog.showModal();
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
    if (event.key === "?") {
      event.preventDefault();
      return showKeys();
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
