/** The slider through time: while it moves it tells the instant, and when it rests the list is read as of then. */
import { debounced } from "./live.js";
import { load } from "./load.js";

const slider = () => document.getElementById("past-slider");

function shown(at, zone) {
  const options = { dateStyle: "medium", timeStyle: "medium", timeZone: zone };
  return new Intl.DateTimeFormat(document.documentElement.lang, options).format(at);
}

function tell() {
  const { value, dataset } = slider();
  const text = shown(new Date(Number(value)), dataset.zone);
  document.getElementById("past-shown").value = text;
  slider().setAttribute("aria-valuetext", text);
}

function show() {
  const { value, dataset } = slider();
  const query = new URLSearchParams({ at: new Date(Number(value)).toISOString(), window: dataset.window });
  if (dataset.queue) query.set("queue", dataset.queue);
  const href = `/?${query}`;
  const had = document.activeElement === slider();
  load("GET", href, { target: "#list", swap: "outerHTML", push: href }).then(() => had && slider()?.focus());
}

export function startPast() {
  const page = document.getElementById("past");
  if (!page) return;
  document.getElementById("live").hidden = true;
  const soon = debounced(show, { wait: 250, pause: 300 });
  page.addEventListener("input", (event) => {
    if (event.target !== slider()) return;
    tell();
    soon();
  });
}
