/**
 * Formatted text: a toolbar and keys for a `contenteditable`, and nothing gets into it but what an email needs.
 * A hidden field beside it has its HTML; the server sanitises that again.
 */
const KEPT = new Set(["A", "B", "STRONG", "I", "EM", "U", "S", "BR", "DIV", "P", "UL", "OL", "LI", "BLOCKQUOTE"]);
const LINES = new Set(["H1", "H2", "H3", "H4", "H5", "H6", "TR", "PRE", "SECTION", "ARTICLE", "HEADER", "FOOTER", "DT", "DD"]);
const DROPPED = new Set(["SCRIPT", "STYLE", "TITLE", "TEMPLATE", "NOSCRIPT", "IFRAME", "OBJECT", "SVG", "MATH", "TEXTAREA", "SELECT"]);
const COMMANDS = { bold: "bold", italic: "italic", bullets: "insertUnorderedList", numbers: "insertOrderedList", clear: "removeFormat" };
const KEYS = { b: "bold", i: "italic", k: "link" };
const LINK = /^(https?:\/\/|mailto:)\S+$/i;

const area = () => document.getElementById("mailtext");
const field = () => area()?.closest("form").elements.html;
const line = () => document.getElementById("maillink");
const address = () => document.getElementById("maillink-to");

/** Where the caret was in the text when the focus left it. */
let last = null;

// What is in the text -------------------------------------------------------------------------------------------

function tidyNode(node) {
  if (node.nodeType === Node.TEXT_NODE) return [document.createTextNode(node.data)];
  if (node.nodeType !== Node.ELEMENT_NODE || DROPPED.has(node.nodeName.toUpperCase())) return [];
  const inner = [...node.childNodes].flatMap(tidyNode);
  const name = LINES.has(node.nodeName) ? "DIV" : node.nodeName;
  if (!KEPT.has(name)) return inner;
  const href = node.getAttribute("href") ?? "";
  if (name === "A" && !LINK.test(href)) return inner;
  const made = document.createElement(name);
  if (name === "A") made.setAttribute("href", href);
  made.append(...inner);
  return [made];
}

/** HTML of wherever as what this text may have: read in a document of its own, in which nothing runs or is loaded. */
function tidy(html) {
  // Handlers and styles would be dropped anyway: renamed before, the page's policy has nothing to complain of.
  const quiet = html.replace(/<[^<>]*>/g, (tag) => tag.replace(/([\s"'/])(on\w+|style)\s*=/gi, "$1data-off="));
  const read = new DOMParser().parseFromString(quiet, "text/html");
  const made = document.createElement("div");
  made.append(...[...read.body.childNodes].flatMap(tidyNode));
  return made;
}

/** The hidden field follows the text. */
function sync() {
  const isEmpty = area().textContent.trim() === "" && !area().querySelector("li");
  area().classList.toggle("is-empty", isEmpty);
  field().value = isEmpty ? "" : area().innerHTML;
}

/** The text is this from now on. */
export function fillText(html) {
  area().replaceChildren(...tidy(html).childNodes);
  last = null;
  sync();
  showState();
}

export function caretToEnd() {
  area().focus();
  const range = document.createRange();
  range.selectNodeContents(area());
  range.collapse(false);
  select(range);
}

function select(range) {
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

/** Where the caret is, if it is in the text. The browser tells of its moves late: who acts on it asks anew. */
function remember() {
  if (!area() || document.activeElement !== area() || !getSelection().rangeCount) return false;
  last = getSelection().getRangeAt(0).cloneRange();
  return true;
}

/** The focus comes back to where it was, or to the end. */
function back() {
  if (remember()) return;
  if (!last || !area().contains(last.commonAncestorContainer)) {
    caretToEnd();
    return;
  }
  const range = last;
  area().focus();
  select(range);
}

/** Plain text at the caret, on a line of its own. */
export function insertText(text) {
  back();
  const before = document.createRange();
  before.selectNodeContents(area());
  before.setEnd(getSelection().getRangeAt(0).startContainer, getSelection().getRangeAt(0).startOffset);
  const isBehind = before.toString().trim() !== "" && !before.toString().endsWith("\n");
  insertLines((isBehind ? "\n" : "") + text);
}

function insertLines(text) {
  const made = document.createElement("div");
  for (const [number, each] of text.split(/\r\n|\r|\n/).entries()) {
    if (number > 0) made.append(document.createElement("br"));
    made.append(each);
  }
  insertNodes([...made.childNodes]);
}

/** By hand: the browser's own insertion writes styles into the text, which the page's policy forbids. */
function insertNodes(nodes) {
  const range = getSelection().getRangeAt(0);
  range.deleteContents();
  const made = document.createDocumentFragment();
  made.append(...nodes);
  const end = made.lastChild;
  range.insertNode(made);
  if (end) range.setStartAfter(end);
  range.collapse(true);
  select(range);
  changed();
}

// The toolbar ---------------------------------------------------------------------------------------------------

const inside = (name) => {
  const at = getSelection().rangeCount ? getSelection().getRangeAt(0).startContainer : null;
  const found = (at?.nodeType === Node.ELEMENT_NODE ? at : at?.parentElement)?.closest(name);
  return found && area().contains(found) ? found : null;
};

function showState() {
  for (const button of document.querySelectorAll("[data-format][aria-pressed]")) {
    const act = button.dataset.format;
    const isOn = act === "quote" ? inside("blockquote") !== null : document.queryCommandState(COMMANDS[act]);
    button.setAttribute("aria-pressed", String(isOn));
  }
}

function format(act) {
  back();
  if (act === "quote") document.execCommand("formatBlock", false, inside("blockquote") ? "div" : "blockquote");
  else document.execCommand(COMMANDS[act]);
  if (act === "clear") document.execCommand("unlink");
  sync();
  showState();
}

function openLink(isOpen) {
  line().hidden = !isOpen;
  document.querySelector("[data-format=link]").setAttribute("aria-expanded", String(isOpen));
  if (!isOpen) {
    back();
    return;
  }
  remember();
  address().value = inside("a")?.getAttribute("href").replace(/^mailto:/i, "") ?? "";
  valid(true);
  address().focus();
}

function valid(isValid) {
  if (isValid) address().removeAttribute("aria-invalid");
  else address().setAttribute("aria-invalid", "true");
  address().setCustomValidity(isValid ? "" : address().dataset.wrongText);
}

function setLink() {
  const typed = address().value.trim();
  const isPerson = /^[^\s@:/]+@[^\s@:/]+$/.test(typed);
  const href = LINK.test(typed) ? typed : `${isPerson ? "mailto:" : "https://"}${typed}`;
  if (!LINK.test(href) || !URL.canParse(href) || (!isPerson && !typed.includes("."))) {
    valid(false);
    address().reportValidity();
    return;
  }
  openLink(false);
  const known = inside("a");
  if (known) {
    known.setAttribute("href", href);
  } else if (getSelection().isCollapsed) {
    const made = document.createElement("a");
    made.setAttribute("href", href);
    made.textContent = typed;
    insertNodes([made]);
  } else {
    document.execCommand("createLink", false, href);
  }
  changed();
}

function removeLink() {
  openLink(false);
  const known = inside("a");
  if (known) {
    const range = document.createRange();
    range.selectNodeContents(known);
    select(range);
    document.execCommand("unlink");
    getSelection().collapseToEnd();
  }
  changed();
}

/** What a script changed is kept like what was typed. */
function changed() {
  area().dispatchEvent(new InputEvent("input", { bubbles: true }));
}

/** The toolbar is one stop for Tab; arrows go along it. */
function onToolbarKey(event) {
  const bar = event.target.closest?.(".format");
  if (!bar || !event.target.matches("[data-format]")) return;
  const all = [...bar.querySelectorAll("[data-format]")];
  const at = all.indexOf(event.target);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  for (const each of all) each.tabIndex = -1;
  all[to % all.length].tabIndex = 0;
  all[to % all.length].focus();
}

function onKey(event) {
  onToolbarKey(event);
  const act = event.target === area() && (event.ctrlKey || event.metaKey) ? KEYS[event.key.toLowerCase()] : undefined;
  if (act) {
    event.preventDefault();
    if (act === "link") openLink(true);
    else format(act);
  }
  if (event.target !== address()) return;
  if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    setLink();
  } else if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    openLink(false);
  }
}

function onClick(event) {
  const button = event.target.closest?.("[data-format]");
  if (button?.dataset.format === "link") openLink(line().hidden);
  else if (button) format(button.dataset.format);
  else if (event.target.closest?.("[data-link-set]")) setLink();
  else if (event.target.closest?.("[data-link-remove]")) removeLink();
}

/** What is pasted or dropped comes in as it may be here. */
function onBeforeInput(event) {
  if (event.target !== area() || !["insertFromPaste", "insertFromDrop"].includes(event.inputType)) return;
  event.preventDefault();
  const html = event.dataTransfer?.getData("text/html");
  const text = event.dataTransfer?.getData("text/plain") ?? "";
  if (html) insertNodes([...tidy(html).childNodes]);
  else if (text) insertLines(text);
}

export function startRichText() {
  document.execCommand("defaultParagraphSeparator", false, "div");
  document.execCommand("styleWithCSS", false, false);
  document.addEventListener("selectionchange", () => {
    if (remember()) showState();
  });
  document.addEventListener("mousedown", (event) => {
    if (event.target.closest?.("[data-format]")) event.preventDefault();
  });
  document.addEventListener("input", (event) => {
    if (event.target === area()) sync();
    if (event.target === address()) {
      valid(true);
      event.stopPropagation();
    }
  });
  document.addEventListener("beforeinput", onBeforeInput);
  document.addEventListener("click", onClick);
  document.addEventListener("keydown", onKey);
}
