/**
 * Emails: what is opened in a thread stays open, pictures from elsewhere are loaded when asked for, and the editor
 * keeps what is typed, with its files, until it is sent or thrown away.
 */
import { dropFiles, filesOf, keepFiles } from "./draft_files.js";
import { load } from "./load.js";
import { caretToEnd, fillText, insertText, startRichText } from "./rich_text.js";

const PREFIX = "openiwd.mail.";
const FIELDS = ["mailbox", "to", "cc", "bcc", "subject", "html"];
const SAVE_MS = 400;
const SURE_MS = 4000;

const composer = () => document.getElementById("composer");
const form = () => document.getElementById("mailform");
const area = () => document.getElementById("mailtext");
const keyOf = (place) => PREFIX + place.dataset.draftKey;

let saving = null;
/** What was typed when another way to write was chosen: it goes along. */
let carried = null;

// Threads -------------------------------------------------------------------------------------------------------

/** What is folded out in a part of the page that is read again stays so, and so does what was folded in. */
function keepFolds() {
  let folds = new Map();
  document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
    folds = new Map([...detail.target.querySelectorAll("details[data-keep]")].map((each) => [each.id, each.open]));
  });
  document.body.addEventListener("htmx:afterSwap", () => {
    for (const each of document.querySelectorAll("details[data-keep]")) {
      if (folds.has(each.id)) each.open = folds.get(each.id);
    }
    folds = new Map();
  });
}

function onThreadClick(event) {
  const pictures = event.target.closest("[data-load-pictures]");
  if (!pictures) return;
  const frame = pictures.closest("details").querySelector("iframe");
  frame.src = pictures.dataset.loadPictures;
  frame.focus();
  pictures.closest("[data-blocked]").remove();
}

/** The emails alone, while somebody is writing beside them. */
export function refreshThread() {
  const thread = document.querySelector("#focus #emails");
  if (!thread || thread.contains(document.activeElement)) return;
  load("GET", `/items/${thread.dataset.item}/emails`, { target: "#emails", swap: "outerHTML" });
}

export const isComposing = () => form() !== null;

// Drafts --------------------------------------------------------------------------------------------------------

function typed() {
  const values = { mode: form().dataset.mode, answers: form().dataset.answers };
  for (const name of FIELDS) values[name] = form().elements[name]?.value ?? "";
  values.emailId = form().elements.emailId.value;
  values.quote = form().elements.quote?.checked ?? true;
  values.originals = [...form().querySelectorAll("[name=originals]")].filter((each) => !each.checked).map((each) => each.value);
  return values;
}

function save() {
  clearTimeout(saving);
  saving = null;
  if (!form() || !composer()) return;
  const key = keyOf(composer());
  localStorage.setItem(key, JSON.stringify(typed()));
  keepFiles(key, form().elements.files.files);
  say();
}

function say() {
  const place = form()?.querySelector(".draftstate");
  if (!place) return;
  const words = navigator.onLine ? place.dataset.savedText : place.dataset.offlineText;
  place.textContent = words.replace("{time}", new Date().toLocaleTimeString(document.documentElement.lang));
}

function saveSoon() {
  clearTimeout(saving);
  saving = setTimeout(save, SAVE_MS);
}

function forget(key) {
  clearTimeout(saving);
  saving = null;
  localStorage.removeItem(key);
  dropFiles(key);
}

function draftHere() {
  if (!composer()) return null;
  return JSON.parse(localStorage.getItem(keyOf(composer())) ?? "null");
}

/** The draft of the item in focus, if it has one, in an editor of the same kind. */
async function openDraft() {
  const draft = draftHere();
  if (!draft || form()) return;
  await openEditor(draft.mode, draft.answers);
}

function openEditor(mode, answers) {
  const path = `/workspace/items/${composer().dataset.item}/editor?mode=${mode}&answers=${encodeURIComponent(answers ?? "")}`;
  return load("GET", path, { target: "#composer", swap: "innerHTML" });
}

async function adopt() {
  if (!form()) return;
  const place = composer();
  const key = keyOf(place);
  const draft = draftHere();
  const isSame = draft?.mode === form().dataset.mode && draft.answers === form().dataset.answers;
  if (isSame && draft.html !== undefined) {
    for (const name of [...FIELDS, "emailId"]) if (form().elements[name]) form().elements[name].value = draft[name];
    if (form().elements.quote) form().elements.quote.checked = draft.quote;
    for (const each of form().querySelectorAll("[name=originals]")) each.checked = !draft.originals.includes(each.value);
    form().querySelector("[data-restored]").hidden = carried !== null || draft.html === "";
  } else if (carried?.item === place.dataset.item && carried.html) {
    form().elements.html.value = carried.html;
  }
  fillText(form().elements.html.value);
  const files = carried?.files ?? (draft ? await filesOf(key) : []);
  carried = null;
  if (!form()) return;
  for (const name of ["cc", "bcc"]) if (form().elements[name].value) reveal(name);
  setFiles(files);
  if (document.activeElement === document.body || composer().contains(document.activeElement)) focusFirst();
}

function focusFirst() {
  const at = form().elements.to.value ? area() : form().elements.to;
  if (at === area()) caretToEnd();
  else at.focus();
  at.scrollIntoView({ block: "nearest" });
}

function reveal(name) {
  form().querySelector(`[data-line="${name}"]`).hidden = false;
  form().querySelector(`[data-reveal="${name}"]`).hidden = true;
}

// Files ---------------------------------------------------------------------------------------------------------

function setFiles(files) {
  const input = form().elements.files;
  const held = new DataTransfer();
  for (const file of files) held.items.add(file);
  input.files = held.files;
  showFiles();
}

function showFiles() {
  const list = document.getElementById("mailfiles");
  const input = form().elements.files;
  for (const each of list.querySelectorAll("[data-added]")) each.remove();
  for (const [number, file] of [...input.files].entries()) {
    const line = document.createElement("li");
    line.dataset.added = String(number);
    const tag = Object.assign(document.createElement("span"), { className: "tag" });
    const size = file.size < 1e6 ? `${Math.ceil(file.size / 1000)} kB` : `${(file.size / 1e6).toFixed(1)} MB`;
    const name = Object.assign(document.createElement("span"), { className: "trunc", textContent: file.name, title: file.name });
    const button = Object.assign(document.createElement("button"), { type: "button", className: "untag", textContent: "✕" });
    button.setAttribute("aria-label", input.dataset.removeText.replace("{name}", file.name));
    button.addEventListener("click", () => {
      setFiles([...input.files].filter((_, other) => other !== number));
      held = [...input.files];
      saveSoon();
      input.focus();
    });
    tag.append(name, ` · ${size} `, button);
    line.append(tag);
    list.append(line);
  }
  held = [...input.files];
}

/** The files that are there already: choosing further ones adds to them. */
let held = [];

function onFiles(input) {
  const chosen = [...input.files];
  setFiles([...held, ...chosen]);
  saveSoon();
}

// Sending -------------------------------------------------------------------------------------------------------

function clearErrors() {
  for (const each of form()?.querySelectorAll("[aria-invalid]") ?? []) each.removeAttribute("aria-invalid");
}

/** The field that is wrong is marked and gets the focus; what was typed stays as it is. */
function showError() {
  clearErrors();
  const name = document.querySelector("#mail-errors [data-wrong]")?.dataset.wrong;
  if (!name) return;
  const field = (name === "html" ? area() : form().elements[name]) ?? document.querySelector(`#focus [name="${CSS.escape(name)}"]`);
  if (!field || field.type === "hidden" || !field.setAttribute) return;
  if (name === "cc" || name === "bcc") reveal(name);
  field.setAttribute("aria-invalid", "true");
  field.focus();
}

function onWritten({ detail }) {
  if (composer()?.dataset.item !== detail.item) return;
  forget(keyOf(composer()));
  // The further events of the answer are raised on the form: it must be there still.
  queueMicrotask(() => composer()?.replaceChildren());
}

/** It is a draft again: whatever is read again meanwhile, the editor opens with it. */
function onWithdrawn({ detail }) {
  if (composer()?.dataset.item !== detail.item || form()) return;
  localStorage.setItem(keyOf(composer()), JSON.stringify({ mode: "again", answers: detail.email }));
  openDraft();
}

function discard(button) {
  if (button.dataset.sure !== "true") {
    const words = button.lastChild.textContent;
    button.dataset.sure = "true";
    button.lastChild.textContent = button.dataset.confirm;
    setTimeout(() => {
      button.dataset.sure = "";
      button.lastChild.textContent = words;
    }, SURE_MS);
    return;
  }
  forget(keyOf(composer()));
  composer().replaceChildren();
  document.querySelector("#emails [data-compose], [data-compose]")?.focus();
}

// Standard responses --------------------------------------------------------------------------------------------

function narrow(input) {
  const words = input.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const box = input.closest("[data-responses]");
  let found = 0;
  for (const line of box.querySelectorAll("[data-searched]")) {
    line.hidden = !words.every((word) => line.dataset.searched.includes(word));
    if (!line.hidden) found += 1;
  }
  for (const folder of box.querySelectorAll("[data-folder]")) {
    folder.hidden = !folder.querySelector("[data-searched]:not([hidden])");
  }
  document.getElementById("response-none").hidden = found > 0;
}

function insertResponse() {
  const text = document.getElementById("response-text")?.textContent;
  if (!text || !area()) return;
  const subject = document.getElementById("response-subject")?.textContent;
  const at = form().elements.subject;
  if (subject && (form().dataset.mode === "new" || !at.value)) at.value = subject;
  document.getElementById("dialog").close();
  insertText(text);
  saveSoon();
}

function onClick(event) {
  const near = (selector) => event.target.closest?.(selector);
  onThreadClick(event);
  const shown = near("[data-reveal]");
  if (shown) {
    reveal(shown.dataset.reveal);
    form().elements[shown.dataset.reveal].focus();
  }
  const fold = near("[data-fold]");
  if (fold) {
    const folded = form().classList.toggle("folded");
    fold.setAttribute("aria-expanded", String(!folded));
  }
  const away = near("[data-discard-mail]");
  if (away) discard(away);
  const response = near("[data-response]");
  if (response) {
    for (const each of document.querySelectorAll("[data-response]")) each.setAttribute("aria-pressed", String(each === response));
  }
}

function onSwap({ detail }) {
  const { target } = detail;
  if (target.id === "focus") openDraft();
  if (target.id === "composer") adopt();
  if (target.id === "mail-errors") showError();
  if (target.id === "response-preview") document.querySelector("[data-insert]").disabled = false;
}

export function startMail() {
  keepFolds();
  document.addEventListener("click", onClick);
  if (!document.getElementById("ws")) return;
  startRichText();
  document.body.addEventListener("htmx:afterSwap", onSwap);
  document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.target.id === "focus" && saving !== null) save();
  });
  document.body.addEventListener("htmx:beforeRequest", ({ detail }) => {
    if (!detail.elt.matches("[data-compose]") || !form()) return;
    const files = [...form().elements.files.files];
    carried = { item: composer().dataset.item, html: form().elements.html.value, files };
  });
  document.addEventListener("input", (event) => {
    if (event.target.id === "response-q") narrow(event.target);
    else if (event.target.name === "files" && form()?.contains(event.target)) onFiles(event.target);
    else if (form()?.contains(event.target)) saveSoon();
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-responses]")) return;
    event.preventDefault();
    insertResponse();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !form()?.contains(event.target)) return;
    event.preventDefault();
    form().querySelector("[data-send]").click();
  });
  document.body.addEventListener("emailWritten", onWritten);
  document.body.addEventListener("emailWithdrawn", onWithdrawn);
  addEventListener("pagehide", () => saving !== null && save());
  addEventListener("online", say);
  addEventListener("offline", say);
  openDraft();
}
