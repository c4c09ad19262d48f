/** An item's details: tabs by arrow keys, closing, and what happens after an act. */
import { load } from "./load.js";

const slot = () => document.getElementById("drawer-slot");

export function openItemId() {
  return document.getElementById("drawer")?.dataset.id ?? null;
}

function remember(id) {
  const url = new URL(location.href);
  if (url.pathname !== "/") return;
  if (id) url.searchParams.set("item", id);
  else url.searchParams.delete("item");
  history.replaceState(history.state, "", url);
}

export function closeDrawer() {
  if (!document.getElementById("drawer-close")) return false;
  slot().replaceChildren();
  remember(null);
  document.dispatchEvent(new CustomEvent("drawer:changed"));
  return true;
}

/** Whether somebody has begun to write, or to choose a file. */
function isWritten(drawer) {
  const at = document.activeElement;
  if (drawer.contains(at) && at.matches("input, textarea, select")) return true;
  const isChosen = (select) => select.selectedIndex !== Math.max(0, [...select.options].findIndex((each) => each.defaultSelected));
  return (
    [...drawer.querySelectorAll("textarea, input:not([type=hidden])")].some((each) => each.value.trim() !== "") ||
    [...drawer.querySelectorAll("select")].some(isChosen)
  );
}

/** Reads the open item again, with the tab that is open; never while somebody writes in it. */
export function refreshDrawer() {
  const drawer = document.getElementById("drawer");
  if (!drawer) return;
  if (drawer.querySelector(".menu:not([hidden])")) return;
  if (isWritten(drawer)) return;
  const tab = drawer.querySelector("#tab-panel").dataset.tab;
  const path = drawer.querySelector("#drawer-close") ? `/items/${drawer.dataset.id}?tab=${tab}` : null;
  if (path) {
    const scroll = drawer.querySelector("#tab-panel").scrollTop;
    load("GET", path, { target: "#drawer-slot", swap: "innerHTML" }).then(() => {
      const panel = document.getElementById("tab-panel");
      if (panel) panel.scrollTop = scroll;
    });
  } else {
    location.reload();
  }
}

export function startDrawer() {
  if (!slot()) return;
  document.body.addEventListener("htmx:afterSwap", (event) => {
    const target = event.detail.target;
    if (target === slot()) {
      remember(openItemId());
      document.dispatchEvent(new CustomEvent("drawer:changed"));
    }
  });
  // The tab is chosen when it is asked for, so that a refresh that was under way with another one is known as stale.
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    const tab = event.detail.elt.closest?.('#drawer [role="tab"]');
    if (tab) choose(tab);
  });
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target !== slot()) return;
    const [path, query] = (event.detail.pathInfo?.requestPath ?? "").split("?");
    const tab = new URLSearchParams(query ?? "").get("tab");
    const open = document.getElementById("tab-panel")?.dataset.tab;
    // Only a refresh names its tab: it comes too late when another item or tab is open by now, or none, or when
    // somebody has begun to write.
    const drawer = document.getElementById("drawer");
    const isLate = tab !== open || path !== `/items/${openItemId()}` || !drawer || isWritten(drawer);
    if (tab && isLate) event.detail.shouldSwap = false;
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("#drawer-close")) closeDrawer();
  });
  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest?.('#drawer [role="tab"]');
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!tab || !step) return;
    const tabs = [...tab.parentElement.children];
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    next.focus();
    next.click();
  });
  document.body.addEventListener("itemChanged", () => refreshDrawer());
}

function choose(tab) {
  for (const each of tab.parentElement.children) {
    const on = each === tab;
    each.setAttribute("aria-selected", String(on));
    each.tabIndex = on ? 0 : -1;
  }
  const panel = document.getElementById("tab-panel");
  panel.setAttribute("aria-labelledby", tab.id);
  panel.dataset.tab = tab.id.replace("tab-", "");
}
