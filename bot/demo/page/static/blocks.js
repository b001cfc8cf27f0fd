// Block Kit's blocks as Slack draws them.

import { fileImage } from "./media.js";
import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { clickable, inputElement } from "./elements.js";
import { mrkdwn } from "./mrkdwn.js";
import { richText } from "./richtext.js";

/** The nodes of a text object. */
export function textOf(object) {
  if (!object) return [];
  if (object.type === "mrkdwn") return mrkdwn(object.text);
  const text = object.emoji === false ? object.text : withEmoji(object.text);
  return text.split("\n").flatMap((line, number) => (number ? [h("br"), line] : [line]));
}

function section(block, place) {
  const body = h("div", { class: "section-text" }, block.text && h("p", {}, textOf(block.text)));
  if (block.fields)
    body.append(
      h(
        "div",
        { class: "fields" },
        block.fields.map((field) => h("p", {}, textOf(field))),
      ),
    );
  const beside = block.accessory && h("div", { class: "accessory" }, accessory(block, place));
  return h("div", { class: "block section" }, body, beside);
}

function accessory(block, place) {
  return block.accessory.type === "image" ? picture(block.accessory) : clickable(block, block.accessory, place);
}

function context(block) {
  const parts = block.elements.map((element) =>
    element.type === "image" ? picture(element) : h("span", {}, textOf(element)),
  );
  return h("div", { class: "block context" }, parts);
}

function picture(object) {
  const alt = object.alt_text ?? "";
  if (object.slack_file) return fileImage(object.slack_file, alt);
  return h("span", { class: "no-picture" }, `[picture from elsewhere, not loaded: ${alt}]`);
}

function imageBlock(block) {
  const title = block.title && h("figcaption", {}, textOf(block.title));
  return h("figure", { class: "block image" }, title, picture(block));
}

function input(block, place) {
  return h("div", { class: "block input", data: { block: block.block_id } }, inputElement(block, place));
}

const BLOCKS = {
  section,
  context,
  input,
  header: (block, place) => h(place.level ?? "h3", { class: "block header" }, textOf(block.text)),
  actions: (block, place) =>
    h(
      "div",
      { class: "block actions" },
      block.elements.map((element) => clickable(block, element, place)),
    ),
  divider: () => h("hr", { class: "block" }),
  image: imageBlock,
  rich_text: (block) => h("div", { class: "block" }, richText(block)),
  alert: (block) => h("p", { class: `block alert ${block.level ?? "default"}` }, textOf(block.text)),
  markdown: (block) => h("div", { class: "block markdown" }, block.text),
};

/** Draw blocks in a place: `{name, blocks, errors, renew, level}`. */
export function drawBlocks(place) {
  return place.blocks.map((block) => (BLOCKS[block.type] ?? unknown)(block, place));
}

function unknown(block) {
  return h("p", { class: "block alert warning" }, `This page can't draw a block of the type “${block.type}”.`);
}
