// One thread, in a panel at the side.

import { Composer } from "./composer.js";
import { h, iconButton, keyed } from "./dom.js";
import { messagePart } from "./message.js";
import { channel, channelName, go, here, messagesOf } from "./store.js";
import { ToEnd } from "./toend.js";

const aside = document.getElementById("thread");
const head = h("header", { class: "bar" });
const list = h("ol", { class: "messages", tabindex: "0", "aria-label": "Messages of the thread" });
const composer = new Composer({
  id: "write-thread",
  target: () => ({ channel: here.channel, thread: here.thread, name: "the thread" }),
});
const end = new ToEnd(list);
let where = "";
aside.addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && close());

function close() {
  const opener = `[data-focus="thread/${here.thread}"]`;
  go({ thread: "" });
  requestAnimationFrame(() => (document.querySelector(opener) ?? document.getElementById("write")).focus());
}

export function drawThread() {
  if (!aside.childElementCount) aside.append(head, list, composer.node);
  aside.hidden = !here.thread;
  document.getElementById("app").classList.toggle("with-thread", Boolean(here.thread));
  if (!here.thread) {
    keyed(list, []);
    where = "";
    return;
  }
  const messages = messagesOf(here.channel).filter((m) => m.ts === here.thread || m.thread === here.thread);
  const place = channelName(channel(here.channel));
  keyed(head, [{ key: "head", stamp: [place], make: () => bar(place) }]);
  keyed(
    list,
    messages.map((message) => messagePart(message, null)),
  );
  composer.draw();
  if (where !== here.thread) {
    [where, end.there] = [here.thread, true];
    composer.field.focus({ preventScroll: true });
  }
  end.keep();
}

function bar(place) {
  return h(
    "div",
    { class: "bar-inner" },
    h("div", { class: "title" }, h("h2", {}, "Thread"), h("p", { class: "hint" }, place)),
    iconButton("close", "Close the thread", close),
  );
}
