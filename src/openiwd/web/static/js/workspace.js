/**
 * The agent's workspace: offers appear as they are made, count down, and are answered by key; what is typed
 * stays when the connection is away, and is there again after a reload.
 */
import { load } from "./load.js";
import { Live, debounced } from "./live.js";
import { announce, startSound } from "./announce.js";
import { startFocusTime } from "./focus_time.js";
import { isComposing, refreshThread } from "./mail.js";
import { isBusy, isTyping } from "./shortcut.js";

const AROUND = 125.7;
const HEARTBEAT_MS = 15000;
const DRAFT_KEY = "openiwd.draft.";
const LOW_SECONDS = 5;
/** What an act sends of what is typed beside the item: only that is done with. */
const SENT = { note: "note", complete: "result" };

/** The item that the agent asked for last; its answer may still be under way. */
let wanted = null;

const focusId = () => document.querySelector("#focus [data-id]")?.dataset.id ?? null;
/** The item in focus, if the agent has it in hand. */
const heldId = () => (document.querySelector("#focus [data-since-seconds]") ? focusId() : null);
const offerBox = () => document.querySelector("#offers [data-offer]");

let deadline = null;
let announced = null;

function csrf() {
  return JSON.parse(document.body.getAttribute("hx-headers"));
}

function refreshLeft() {
  const query = focusId() ? `?item=${focusId()}` : "";
  return load("GET", `/workspace/left${query}`, { target: "#ws-left", swap: "innerHTML" });
}

function openItem(id) {
  wanted = id;
  history.replaceState(history.state, "", id ? `/workspace?item=${id}` : "/workspace");
  return load("GET", `/workspace/items/${id}`, { target: "#focus", swap: "innerHTML" });
}

/** Reads the item in focus again, unless somebody is typing in it. */
function refreshFocus() {
  const id = focusId();
  if (id !== wanted) return;
  const typed = [...document.querySelectorAll("#focus textarea")].some((each) => each.value.trim() !== "");
  if (!id) return;
  if (typed || isInFocus() || isComposing()) {
    refreshThread();
    return;
  }
  isRefreshing = true;
  openItem(id).finally(() => {
    isRefreshing = false;
  });
}

/** Whether the agent is at something of the item: nothing is replaced there then. */
const isInFocus = () => document.getElementById("focus").contains(document.activeElement);
let isRefreshing = false;

/** Nothing that was asked for earlier, by a live refresh or a click, comes over the item that was asked for last. */
function keepWanted() {
  wanted = focusId();
  document.body.addEventListener("htmx:beforeRequest", ({ detail }) => {
    if (detail.target.id !== "focus") return;
    wanted = detail.elt.dataset.item ?? (detail.elt.dataset.bin ? null : wanted);
    detail.xhr.addEventListener("loadend", () => {
      if (detail.xhr.status === 0 || detail.xhr.status >= 400) wanted = focusId();
    });
  });
  document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const asked = /\/items\/([^/?]+)/.exec(detail.pathInfo.requestPath);
    if (detail.target.id === "focus" && asked && asked[1] !== wanted) detail.shouldSwap = false;
    if (detail.target.id === "focus" && isRefreshing && isInFocus()) detail.shouldSwap = false;
  });
}

/** While a button of the list is pressed it is not replaced: its click would come to nothing. */
function keepPressed() {
  const left = document.getElementById("ws-left");
  let pressed = false;
  let missed = false;
  const release = () => {
    pressed = false;
    if (missed) soonLeft();
    missed = false;
  };
  left.addEventListener("pointerdown", (event) => {
    pressed = event.button === 0;
  });
  // The click comes after the release and before what is due next.
  for (const name of ["pointerup", "pointercancel", "blur"]) addEventListener(name, () => setTimeout(release, 0));
  document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.target !== left || !pressed) return;
    detail.shouldSwap = false;
    missed = true;
  });
}

// Offers --------------------------------------------------------------------------------------------------------

function adoptOffer() {
  const box = offerBox();
  const page = document.getElementById("ws");
  if (!box) {
    deadline = null;
    document.title = page.dataset.title;
    return;
  }
  const ring = box.querySelector(".ring");
  deadline = performance.now() + Number(ring.dataset.left) * 1000;
  tick();
  document.title = page.dataset.offerText.replace("{subject}", box.dataset.subject);
  if (announced !== box.dataset.offer) {
    announced = box.dataset.offer;
    announce(announced, document.title);
  }
}

function tick() {
  for (const clock of document.querySelectorAll("[data-since-seconds]")) {
    clock.dataset.from ??= String(performance.now() - Number(clock.dataset.sinceSeconds) * 1000);
    const seconds = Math.max(0, Math.floor((performance.now() - Number(clock.dataset.from)) / 1000));
    const hours = Math.floor(seconds / 3600);
    const minutes = String(Math.floor((seconds % 3600) / 60)).padStart(hours ? 2 : 1, "0");
    clock.textContent = `${hours ? `${hours}:` : ""}${minutes}:${String(seconds % 60).padStart(2, "0")}`;
  }
  const ring = offerBox()?.querySelector(".ring");
  if (!ring || deadline === null) return;
  const left = Math.max(0, (deadline - performance.now()) / 1000);
  ring.querySelector(".v").setAttribute("stroke-dashoffset", String(AROUND * (1 - left / Number(ring.dataset.total))));
  ring.querySelector("text").textContent = String(Math.ceil(left));
  ring.classList.toggle("low", left <= LOW_SECONDS);
  if (left === 0) {
    deadline = null;
    soonLeft();
  }
}

// Drafts --------------------------------------------------------------------------------------------------------

function restoreDrafts() {
  for (const area of document.querySelectorAll("[data-draft]")) {
    if (!area.value) area.value = localStorage.getItem(DRAFT_KEY + area.dataset.draft) ?? "";
  }
}

function keepDraft(event) {
  const area = event.target.closest?.("[data-draft]");
  if (!area) return;
  if (area.value) localStorage.setItem(DRAFT_KEY + area.dataset.draft, area.value);
  else localStorage.removeItem(DRAFT_KEY + area.dataset.draft);
}

// Keys ----------------------------------------------------------------------------------------------------------

/** The next or the previous of the items in hand. */
function move(step) {
  const links = [...document.querySelectorAll("#ws-left [data-item]")];
  if (!links.length) return;
  const here = links.findIndex((link) => link.dataset.item === focusId());
  links[(here + step + links.length) % links.length].click();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping() || isBusy()) return;
  const key = event.key.toLowerCase();
  if (key === "j") move(1);
  else if (key === "k") move(-1);
  else if (key === "w") {
    const note = document.getElementById("note");
    if (!note) return;
    event.preventDefault();
    note.focus();
  } else if (key === "enter") accept(event);
}

function accept(event) {
  if (document.activeElement?.closest("button, a, select")) return;
  const button = document.getElementById("accept");
  if (!button) return;
  event.preventDefault();
  button.click();
}

let soonLeft = () => {};

export function startWorkspace() {
  if (!document.getElementById("ws")) return;
  soonLeft = debounced(refreshLeft, { wait: 40, pause: 250 });
  const soonFocus = debounced(refreshFocus, { wait: 150, pause: 500 });
  keepWanted();
  keepPressed();
  startSound();
  startFocusTime(heldId);
  adoptOffer();
  restoreDrafts();
  tick();
  setInterval(tick, 250);
  document.addEventListener("input", keepDraft);
  document.addEventListener("keydown", onKey);
  document.body.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id === "ws-left") adoptOffer();
    if (event.detail.target.id === "focus") {
      restoreDrafts();
      for (const link of document.querySelectorAll("#ws-left [data-item]")) {
        if (link.dataset.item === focusId()) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    }
    tick();
  });
  document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
    const menuIsOpen = document.querySelector("#state-menu:not([hidden])") !== null;
    if (event.detail.target.id === "state-slot" && menuIsOpen) event.detail.shouldSwap = false;
  });
  document.body.addEventListener("itemTaken", (event) => {
    openItem(event.detail.id).then(refreshLeft);
    if (event.detail.source) window.open(event.detail.source, "_blank", "noopener");
  });
  document.body.addEventListener("itemChanged", (event) => {
    const sent = SENT[event.detail.action];
    for (const area of document.querySelectorAll("#focus [data-draft]")) {
      if (!sent || !area.dataset.draft.includes(`.${sent}-`)) continue;
      localStorage.removeItem(DRAFT_KEY + area.dataset.draft);
      area.value = "";
    }
    refreshLeft();
    if (event.detail.id === focusId() && event.detail.id === wanted) openItem(event.detail.id);
  });
  document.body.addEventListener("deskChanged", () => refreshLeft());
  document.getElementById("ws").addEventListener("click", askForNotifications, { once: true });
  document.getElementById("state-slot").addEventListener("click", askForNotifications, { once: true });
  new Live(["offers", "items", "agents"], {
    onEvents: (topic, told) => {
      soonLeft();
      if (topic === "items" && told.id === focusId()) soonFocus();
    },
    onBack: () => {
      soonLeft();
      soonFocus();
    },
  });
  setInterval(() => {
    fetch("/workspace/heartbeat", { method: "POST", headers: csrf() }).catch(() => {});
  }, HEARTBEAT_MS);
}

function askForNotifications() {
  if ("Notification" in window && Notification.permission === "default") Notification.requestPermission();
}
