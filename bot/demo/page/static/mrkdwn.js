// Slack's mrkdwn, as nodes. Nothing of it is ever read as HTML.

import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { all, app, channel, go, user } from "./store.js";

// The first that begins earliest wins. A sign counts only at a word's edge, as in Slack.
const RULES = [
  { find: /```\n?([\s\S]+?)\n?```/, draw: ([, code]) => h("pre", {}, unescaped(code)) },
  { find: /`([^`\n]+)`/, draw: ([, code]) => h("code", {}, unescaped(code)) },
  { find: /<([^<>\s][^<>]*)>/, draw: ([, inner]) => reference(inner) },
  { find: /(?<![\w*])\*(?=[^\s*])([^*\n]*[^\s*])\*(?![\w*])/, draw: ([, inner]) => h("strong", {}, mrkdwn(inner)) },
  { find: /(?<![\w_:])_(?=[^\s_])([^_\n]*[^\s_])_(?![\w_:])/, draw: ([, inner]) => h("em", {}, mrkdwn(inner)) },
  { find: /(?<![\w~])~(?=[^\s~])([^~\n]*[^\s~])~(?![\w~])/, draw: ([, inner]) => h("s", {}, mrkdwn(inner)) },
];

/** The nodes of a mrkdwn text. */
export function mrkdwn(text) {
  const nodes = [];
  let rest = quoted(text, nodes);
  while (rest) {
    const [rule, found] = earliest(rest);
    if (!rule) break;
    nodes.push(...lines(rest.slice(0, found.index)), rule.draw(found));
    rest = rest.slice(found.index + found[0].length);
  }
  return [...nodes, ...lines(rest)];
}

function earliest(text) {
  let best = [null, null];
  for (const rule of RULES) {
    const found = rule.find.exec(text);
    if (found && (!best[1] || found.index < best[1].index)) best = [rule, found];
  }
  return best;
}

function quoted(text, nodes) {
  const found = /^((?:&gt;[^\n]*(?:\n|$))+)/.exec(text);
  if (!found) return text;
  nodes.push(h("blockquote", {}, mrkdwn(found[1].trimEnd().replace(/^&gt; ?/gm, ""))));
  return text.slice(found[0].length);
}

function lines(text) {
  return withEmoji(unescaped(text))
    .split("\n")
    .flatMap((line, number) => (number ? [h("br"), line] : [line]));
}

export function unescaped(text) {
  return text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}

function reference(inner) {
  const [target, label] = split(inner);
  if (target.startsWith("@")) return mention(target.slice(1));
  if (target.startsWith("#")) return channelLink(target.slice(1));
  if (target.startsWith("!date^")) return date(target, label);
  if (target.startsWith("!")) return h("span", { class: "mention" }, `@${label ?? target.slice(1)}`);
  return link(unescaped(target), label && unescaped(label));
}

function split(inner) {
  const bar = inner.indexOf("|");
  return bar < 0 ? [inner, null] : [inner.slice(0, bar), inner.slice(bar + 1)];
}

export function mention(id) {
  const mine = id === app().me;
  return h("span", { class: mine ? "mention mine" : "mention" }, `@${user(id).real}`);
}

export function channelLink(id) {
  const place = channel(id);
  if (!place) return h("span", { class: "mention" }, "#private");
  return h(
    "button",
    { type: "button", class: "mention", on: { click: () => go({ channel: id, thread: "" }) } },
    `#${place.name}`,
  );
}

/** A link. What points into the practice workspace leads there within the page. */
export function link(url, label) {
  const inside = url.startsWith(`${app().slack}/`) ? url.slice(app().slack.length) : null;
  const file = inside && /^\/files\/\w+\/(\w+)\/(.+)$/.exec(inside);
  if (file) return h("a", { href: `/file/${file[1]}/${file[2]}`, target: "_blank", rel: "noopener" }, label ?? url);
  const message = inside && /^\/archives\/(\w+)\/p(\d{10})(\d{6})/.exec(inside);
  if (message)
    return h("button", { type: "button", class: "link", on: { click: () => show(message) } }, label ?? "message");
  const safe = /^(https?|mailto):/i.test(url);
  return safe
    ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, label ?? url)
    : h("span", {}, label ?? url);
}

function show([, place, seconds, fraction]) {
  const ts = `${seconds}.${fraction}`;
  const found = all("message").find((message) => message.channel === place && message.ts === ts);
  go({ channel: place, thread: found?.thread ?? "" });
  requestAnimationFrame(() =>
    requestAnimationFrame(() => document.getElementById(`m-${ts}`)?.scrollIntoView({ block: "center" })),
  );
}

const PARTS = {
  date_num: { dateStyle: "short" },
  date: { dateStyle: "long" },
  date_short: { dateStyle: "medium" },
  date_long: { dateStyle: "full" },
  date_pretty: { dateStyle: "long" },
  date_short_pretty: { dateStyle: "medium" },
  date_long_pretty: { dateStyle: "full" },
  time: { timeStyle: "short" },
  time_secs: { timeStyle: "medium" },
};

function date(target, label) {
  const [, seconds, format, url] = target.split("^");
  const at = new Date(Number(seconds) * 1000);
  if (Number.isNaN(at.getTime())) return h("span", {}, label ?? "");
  const text = format.replace(/\{(\w+)\}/g, (whole, name) =>
    PARTS[name] ? at.toLocaleString("en", PARTS[name]) : whole,
  );
  const shown = h("time", { datetime: at.toISOString(), title: at.toLocaleString("en") }, text);
  return url ? link(unescaped(url), text) : shown;
}

/** What a text says without its marks, to be read out. */
export function plain(text) {
  const box = h("div", {}, mrkdwn(text));
  return box.textContent;
}
