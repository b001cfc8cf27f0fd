// One message: who, when, what, its files, its thread, and what can be done with it.

import { drawBlocks } from "./blocks.js";
import { announce, h, iconButton, keyed } from "./dom.js";
import { nameOf } from "./elements.js";
import { emoji } from "./emoji.js";
import { avatar, fileNode } from "./media.js";
import { openMenu } from "./menu.js";
import { mrkdwn } from "./mrkdwn.js";
import { act } from "./server.js";
import { app, get, go } from "./store.js";

export function timeOf(ts) {
  return new Date(Number(ts) * 1000).toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** A message as a part for `keyed`; `replies` are those of its thread, null inside the thread itself. */
export function messagePart(message, replies) {
  const last = replies?.at(-1);
  return {
    key: message.key,
    stamp: [message, replies?.length ?? -1, last?.ts, ...filesOf(message)],
    make: (old) => messageNode(message, replies, old),
  };
}

function filesOf(message) {
  return (message.files ?? []).map((id) => get(`file/${id}`));
}

/** The message's element; an old one keeps its files, for a video in it may be playing. */
function messageNode(message, replies, old) {
  const node =
    old ??
    h("li", {
      class: message.private ? "message private" : "message",
      id: replies ? `m-${message.ts}` : null,
      tabindex: "-1",
    });
  const who = message.private ? app().bot : message.user;
  keyed(node, [
    { key: "avatar", stamp: [], make: () => avatar(who) },
    { key: "head", stamp: [message.edited], make: () => head(message, who) },
    { key: "body", stamp: [message], make: () => body(message) },
    {
      key: "files",
      stamp: filesOf(message),
      make: () => h("div", { class: "files" }, (message.files ?? []).map(fileNode)),
    },
    {
      key: "foot",
      stamp: [message.reactions, replies?.length, replies?.at(-1)?.ts],
      make: () => foot(message, replies),
    },
    { key: "tools", stamp: filesOf(message), make: () => tools(message, replies) },
  ]);
  return node;
}

function head(message, who) {
  const badge = who === app().bot && h("span", { class: "badge" }, "app");
  const at = new Date(Number(message.ts) * 1000);
  return h(
    "div",
    { class: "head" },
    message.private && h("p", { class: "hint" }, "Only visible to you"),
    h("strong", {}, nameOf(who)),
    badge,
    h("time", { datetime: at.toISOString(), title: at.toLocaleString("en") }, timeOf(message.ts)),
    message.edited && h("span", { class: "hint" }, "(edited)"),
  );
}

function body(message) {
  const place = { name: message.key, blocks: message.blocks };
  if (message.blocks.length) return h("div", { class: "blocks" }, drawBlocks(place));
  return h("div", { class: "said" }, message.text ? h("p", {}, mrkdwn(message.text)) : null);
}

function foot(message, replies) {
  const marks = Object.entries(message.reactions ?? {}).map(([name, users]) =>
    h(
      "span",
      { class: "reaction", title: users.map(nameOf).join(", ") },
      `${emoji(name) ?? `:${name}:`} ${users.length}`,
    ),
  );
  const open = () => go({ channel: message.channel, thread: message.ts });
  const words = replies?.length === 1 ? "1 reply" : `${replies?.length} replies`;
  const thread = replies?.length
    ? h(
        "button",
        { type: "button", class: "link thread-link", data: { focus: `thread/${message.ts}` }, on: { click: open } },
        words,
        h("span", { class: "hint" }, ` last at ${timeOf(replies.at(-1).ts)}`),
      )
    : null;
  return h("div", { class: "foot" }, marks, thread);
}

/** What copies a link: a command takes the links of files that stand in the conversation. */
function links(message) {
  const copy = (address) => () => navigator.clipboard.writeText(address).then(() => announce("Copied"));
  const thread = message.thread ? `?thread_ts=${message.thread}&cid=${message.channel}` : "";
  const own = `${app().slack}/archives/${message.channel}/p${message.ts.replace(".", "")}${thread}`;
  const files = filesOf(message).filter((file) => file && !file.deleted);
  return [
    { label: "Copy link to message", choose: copy(own) },
    ...files.map((file) => ({
      label: `Copy link to ${file.name}`,
      choose: copy(`${app().slack}/files/${file.user}/${file.id}/${encodeURIComponent(file.name)}`),
    })),
  ];
}

function tools(message, replies) {
  if (message.private) return h("div", { class: "tools" });
  const shortcuts = app().shortcuts.filter((shortcut) => shortcut.type === "message");
  const choose = (s) => () => act("message-shortcut", { channel: message.channel, ts: message.ts, id: s.id });
  const items = [
    ...shortcuts.map((s) => ({ label: s.name, hint: app().app_name, choose: choose(s) })),
    ...links(message),
  ];
  const more = iconButton("more", "More actions", (event) => openMenu(event.currentTarget, items), {
    "aria-haspopup": "menu",
  });
  const reply = replies
    ? iconButton("reply", "Reply in thread", () => go({ channel: message.channel, thread: message.ts }))
    : null;
  return h("div", { class: "tools" }, reply, more);
}
