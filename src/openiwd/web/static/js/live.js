/**
 * The live connection: server-sent events, resumed where it broke off. A browser does so by itself for most
 * losses; after an answer that is an error it gives up, so it is begun anew with the last cursor.
 */
const RETRY_MS = 3000;
const LOST_AFTER_MS = 8000;

export class Live {
  constructor(topics, { onEvents, onBack }) {
    // The bell of every page follows the one connection that the page has.
    this.topics = document.getElementById("bell") ? [...topics, "alarms"] : topics;
    this.onEvents = onEvents;
    this.onBack = onBack;
    // Where the page stood when it was made: what came between it and this connection is told first.
    this.last = document.body.dataset.cursor || null;
    this.lostTimer = null;
    this.broken = false;
    this.connect();
    // A connection that the network has lost silently would still look open: begin it anew.
    addEventListener("offline", () => this.failed());
    addEventListener("online", () => {
      this.source.close();
      this.connect();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.source.readyState === EventSource.CLOSED) this.reconnect();
    });
    addEventListener("pagehide", () => this.source.close());
  }

  connect() {
    const after = this.last ? `&after=${encodeURIComponent(this.last)}` : "";
    this.source = new EventSource(`/iwd/v3/stream?topics=${this.topics.join(",")}${after}`);
    this.source.addEventListener("open", () => {
      clearTimeout(this.lostTimer);
      this.lostTimer = null;
      this.show("on");
      if (this.broken) this.back();
      this.broken = false;
    });
    this.source.addEventListener("error", () => this.failed());
    for (const topic of this.topics) {
      this.source.addEventListener(topic, (event) => {
        this.last = event.lastEventId || this.last;
        if (topic === "alarms") document.dispatchEvent(new Event("live:alarms"));
        else this.onEvents(topic, JSON.parse(event.data));
      });
    }
  }

  back() {
    this.onBack?.();
    document.dispatchEvent(new Event("live:alarms"));
  }

  failed() {
    this.broken = true;
    this.lostTimer ??= setTimeout(() => this.show("lost"), LOST_AFTER_MS);
    if (document.getElementById("live")?.dataset.state !== "lost") this.show("connecting");
    if (this.source.readyState === EventSource.CLOSED) setTimeout(() => this.reconnect(), RETRY_MS);
  }

  reconnect() {
    if (this.source.readyState === EventSource.OPEN) return;
    this.source.close();
    this.connect();
  }

  show(state) {
    const place = document.getElementById("live");
    if (!place || place.dataset.state === state) return;
    place.dataset.state = state;
    place.firstElementChild.textContent = document.body.dataset[`${state === "on" ? "live" : state}Text`];
  }
}

/** Calls once for many calls: soon after the first, and not more often than the pause allows. */
export function debounced(run, { wait, pause = wait }) {
  let timer = null;
  let last = 0;
  return () => {
    if (timer !== null) return;
    const due = Math.max(wait, last + pause - performance.now());
    timer = setTimeout(() => {
      timer = null;
      last = performance.now();
      run();
    }, due);
  };
}
