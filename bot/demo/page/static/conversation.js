// The conversation in the middle: its head, its messages, the composer; the bot's Home tab where there is one.

import { drawBlocks } from "./blocks.js";
import { Composer } from "./composer.js";
import { h, iconButton, keyed } from "./dom.js";
import { messagePart } from "./message.js";
import { act } from "./server.js";
import { app, changed, channel, channelName, get, go, here, messagesOf, showPanel } from "./store.js";
import { ToEnd } from "./toend.js";

const main = document.getElementById("conversation");
const head = h("header", { class: "bar" });
const list = h("ol", { class: "messages", tabindex: "0", "aria-label": "Messages" });
const home = h("div", { class: "home", hidden: true });
const composer = new Composer({
  id: "write",
  target: () => ({ channel: here.channel, name: channelName(channel(here.channel)) }),
});
const end = new ToEnd(list);
let where = "";

export function drawConversation() {
  if (!main.childElementCount) main.append(head, list, home, composer.node);
  const place = channel(here.channel);
  const messages = messagesOf(place.id);
  const threads = Map.groupBy ? Map.groupBy(messages, (message) => message.thread) : grouped(messages);
  keyed(head, [{ key: "head", stamp: [place, here.home, here.panel, get("home")], make: () => bar(place) }]);
  const shown = messages.filter(
    (message) => !message.thread || (message.private && !messages.some((m) => m.ts === message.thread)),
  );
  keyed(list, [welcomePart(place), ...shown.map((message) => messagePart(message, threads.get(message.ts) ?? []))]);
  if (where !== place.id) [where, end.there] = [place.id, true];
  end.keep();
  drawHome(place);
  composer.draw();
}

function grouped(messages) {
  const found = new Map();
  for (const message of messages) found.set(message.thread, [...(found.get(message.thread) ?? []), message]);
  return found;
}

function drawHome(place) {
  const view = get("home");
  const shown = here.home && place.kind === "im";
  [home.hidden, list.hidden, composer.node.hidden] = [!shown, shown, shown];
  if (!shown) return;
  const make = () =>
    view
      ? h("div", { class: "blocks" }, drawBlocks({ name: `home/${view.id}`, blocks: view.data.blocks, level: "h2" }))
      : h("p", { class: "hint" }, "The bot has not shown anything here yet.");
  keyed(home, [{ key: "home", stamp: [view], make }]);
}

function bar(place) {
  const direct = place.kind === "im";
  const about = direct ? app().description : `${place.members.length} members`;
  const stranger =
    !direct && !place.with_bot && h("span", { class: "badge warning" }, `${app().app_name} is not in here`);
  return h(
    "div",
    { class: "bar-inner" },
    iconButton("menu", "Conversations", openSidebar, {
      class: "icon-button only-narrow",
      "aria-expanded": String(here.sidebar),
    }),
    h("div", { class: "title" }, h("h1", {}, channelName(place)), h("p", { class: "hint" }, about, " ", stranger)),
    direct && app().home && tabs(),
    iconButton(
      "stage",
      here.panel ? "Hide what is behind the scenes" : "Show what is behind the scenes",
      () => showPanel(!here.panel),
      { "aria-pressed": String(here.panel), data: { focus: "panel" } },
    ),
  );
}

function tabs() {
  const open = () => {
    go({ home: true, thread: "" });
    act("home");
  };
  return h(
    "div",
    { class: "tabs" },
    h(
      "button",
      { type: "button", "aria-pressed": String(here.home), data: { focus: "tab-home" }, on: { click: open } },
      "Home",
    ),
    h(
      "button",
      {
        type: "button",
        "aria-pressed": String(!here.home),
        data: { focus: "tab-messages" },
        on: { click: () => go({}) },
      },
      "Messages",
    ),
  );
}

function openSidebar() {
  here.sidebar = true;
  changed();
}

/** What a newcomer is told, above everything that was said. */
function welcomePart(place) {
  return {
    key: "welcome",
    stamp: [place.id, place.with_bot],
    make: () => h("li", { class: "welcome" }, welcome(place)),
  };
}

function welcome(place) {
  if (place.kind === "im") {
    return [
      h("h2", {}, app().app_name),
      h("p", {}, `${app().description}. What you write here only you and the bot see.`),
    ];
  }
  if (!place.with_bot) {
    return [
      h("h2", {}, channelName(place)),
      h(
        "p",
        {},
        `${app().app_name} was not invited here: it can be asked, but not answer in the channel. `,
        h("code", {}, `/invite @${app().bot_name}`),
        " changes that.",
      ),
    ];
  }
  const [first] = app().commands;
  return [
    h("h2", {}, "See it work"),
    h(
      "p",
      {},
      "This is the real bot in a practice Slack, with a practice Model Studio beside it. Nothing leaves this computer and nothing costs money.",
    ),
    h(
      "ol",
      {},
      h("li", {}, "Type ", h("code", {}, first.command), " and press Enter."),
      h("li", {}, "Click a sample picture and a sample video, or drop in your own."),
      h("li", {}, "Press Start. Then watch the card, and on the right what Model Studio is sent."),
    ),
    h(
      "button",
      {
        type: "button",
        class: "button primary",
        on: { click: () => act("say", { channel: here.channel, text: first.command }) },
      },
      `Run ${first.command}`,
    ),
  ];
}
