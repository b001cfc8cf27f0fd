// Block Kit's rich text.

import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { channelLink, link, mention } from "./mrkdwn.js";

const TAGS = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u" };

const SPANS = {
  text: (span) => span.text.split("\n").flatMap((line, number) => (number ? [h("br"), line] : [line])),
  link: (span) => [link(span.url, span.text)],
  emoji: (span) => [emoji(span.name) ?? `:${span.name}:`],
  user: (span) => [mention(span.user_id)],
  channel: (span) => [channelLink(span.channel_id)],
  broadcast: (span) => [h("span", { class: "mention" }, `@${span.range}`)],
  usergroup: (span) => [h("span", { class: "mention" }, `@${span.usergroup_id}`)],
  date: (span) => [new Date(span.timestamp * 1000).toLocaleString("en")],
};

function spans(elements) {
  return elements.map((span) => {
    let nodes = (SPANS[span.type] ?? (() => []))(span);
    for (const [name, tag] of Object.entries(TAGS)) if (span.style?.[name]) nodes = [h(tag, {}, nodes)];
    return nodes;
  });
}

const PARTS = {
  rich_text_section: (part) => h("p", {}, spans(part.elements)),
  rich_text_preformatted: (part) => h("pre", {}, spans(part.elements)),
  rich_text_quote: (part) => h("blockquote", {}, spans(part.elements)),
  rich_text_list: (part) =>
    h(
      part.style === "ordered" ? "ol" : "ul",
      { start: part.offset ? part.offset + 1 : null, class: `indent-${part.indent ?? 0}` },
      part.elements.map((item) => h("li", {}, spans(item.elements))),
    ),
};

export function richText(block) {
  return h(
    "div",
    { class: "rich-text" },
    block.elements.map((part) => PARTS[part.type]?.(part)),
  );
}
