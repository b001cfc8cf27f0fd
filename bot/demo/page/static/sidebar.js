// The workspace at the left: who one is, and the conversations.

import { h, icon, iconButton, keyed } from "./dom.js";
import { avatar } from "./media.js";
import { all, app, changed, channelName, go, here, messagesOf } from "./store.js";

const nav = document.getElementById("sidebar");
const ROLES = ["requester", "colleague", "colleague"];
const seen = new Map(); // channel: the last message that was on the screen
let becomes = () => {};
let open = false;

/** Say what is to happen when the person becomes somebody else. */
export function onBecoming(become) {
  becomes = become;
}

function close() {
  if (!here.sidebar) return;
  here.sidebar = false;
  changed();
}

// On a small screen it is a list that opens over the conversation.
addEventListener("keydown", (event) => event.key === "Escape" && close());
addEventListener("pointerdown", (event) => !nav.contains(event.target) && close());

export function drawSidebar() {
  const opens = document.getElementById("app").classList.toggle("with-sidebar", here.sidebar);
  if (opens !== open) requestAnimationFrame(() => (opens ? nav : document.getElementById("conversation")).querySelector("button").focus());
  open = opens;
  const channels = all("channel").sort((one, other) => (one.kind === "im") - (other.kind === "im"));
  keyed(nav, [
    { key: "head", stamp: [], make: head },
    { key: "people", stamp: [app().me], make: people },
    {
      key: "channels",
      stamp: channels.flatMap((place) => [place, unread(place), here.channel === place.id]),
      make: () => list(channels),
    },
    { key: "state", stamp: [here.connected], make: state },
  ]);
}

function unread(place) {
  const messages = messagesOf(place.id);
  const last = messages.at(-1)?.ts ?? "0";
  if (place.id === here.channel || !seen.has(place.id)) seen.set(place.id, last);
  return messages.filter((message) => message.ts > seen.get(place.id) && message.user !== app().me).length;
}

function head() {
  return h(
    "div",
    { class: "sidebar-head" },
    h("img", { class: "avatar", src: "/static/mark.svg", alt: "" }),
    h("div", {}, h("strong", {}, "Practice Slack"), h("p", { class: "hint" }, "Nothing leaves this computer")),
    iconButton("close", "Close the list", close, { class: "icon-button only-narrow" }),
  );
}

function people() {
  const persons = all("user").filter((user) => !user.bot);
  const one = (user, number) => {
    const mine = user.id === app().me;
    const box = {
      type: "radio",
      name: "me",
      value: user.id,
      checked: mine,
      data: { focus: `me/${user.id}` },
      on: { change: () => becomes(user.id) },
    };
    return h(
      "label",
      { class: mine ? "person mine" : "person" },
      h("input", { ...box, class: "unseen" }),
      avatar(user.id),
      h("span", {}, user.real, h("span", { class: "hint" }, ROLES[number] ?? "colleague")),
    );
  };
  return h("fieldset", { class: "people" }, h("legend", {}, "You are"), persons.map(one));
}

function list(channels) {
  const one = (place) => {
    const current = here.channel === place.id;
    const fresh = unread(place);
    const sign = place.kind === "im" ? avatar(app().bot) : h("span", { class: "hash", "aria-hidden": "true" }, "#");
    const name = place.kind === "im" ? channelName(place) : place.name;
    const open = () => go({ channel: place.id, thread: "" });
    const props = {
      type: "button",
      class: fresh ? "place fresh" : "place",
      "aria-current": current ? "page" : null,
      data: { focus: `place/${place.id}` },
      on: { click: open },
    };
    const count = fresh ? h("span", { class: "count" }, String(fresh), h("span", { class: "unseen" }, " new")) : null;
    return h("li", {}, h("button", props, sign, h("span", { class: "name" }, name), count));
  };
  return h("div", { class: "places" }, h("h2", { class: "hint" }, "Conversations"), h("ul", {}, channels.map(one)));
}

function state() {
  const look = () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = document.documentElement.dataset.look ?? (dark ? "dark" : "light");
    document.documentElement.dataset.look = now === "dark" ? "light" : "dark";
    changed();
  };
  const words = here.connected
    ? null
    : h("p", { class: "lost", role: "status" }, "The demo doesn't answer. Is it still running?");
  return h(
    "div",
    { class: "sidebar-foot" },
    words,
    h(
      "button",
      { type: "button", class: "quiet", data: { focus: "look" }, on: { click: look } },
      icon("sun"),
      "Light or dark",
    ),
  );
}
