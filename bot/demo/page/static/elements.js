// Block Kit's interactive elements: pressed and chosen in messages, filled in in forms.

import { textOf } from "./blocks.js";
import { confirmed } from "./confirm.js";
import { h, icon } from "./dom.js";
import { enter, entered, entries, optionsOf } from "./entries.js";
import { fileField } from "./filefield.js";
import { openMenu } from "./menu.js";
import { act } from "./server.js";
import { all, app, channelName, here, user } from "./store.js";

let names = 0;

/** A name that nothing else on the page has. */
function fresh(letter) {
  names += 1;
  return `${letter}${names}`;
}

/** Tell the bot of an element that was used, after the question that it asks, if it asks one. */
async function press(block, element, place, value) {
  if (element.confirm && !(await confirmed(element.confirm))) return place.renew?.();
  const wanted = { place: place.name, block: block.block_id, action: element.action_id, value };
  return act("press", { ...wanted, entries: entries(place.name, place.blocks) });
}

/** An element in a section or among actions: using it is told at once. */
export function clickable(block, element, place) {
  if (element.type === "button") return button(block, element, place);
  if (element.type === "overflow") return overflow(block, element, place);
  const used = (value) => {
    enter(place.name, block, element, value);
    press(block, element, place, value);
  };
  const label = element.placeholder?.text ?? block.text?.text ?? "Choose";
  return control(block, element, { place, used, label });
}

function button(block, element, place) {
  const props = {
    type: "button",
    class: `button ${element.style ?? ""}`,
    "aria-label": element.accessibility_label ?? null,
    data: { focus: `${block.block_id}/${element.action_id}` },
  };
  const made = h("button", props, textOf(element.text));
  made.addEventListener("click", async () => {
    if (element.url) window.open(element.url, "_blank", "noopener");
    made.setAttribute("aria-busy", "true");
    await press(block, element, place, element.value);
    made.removeAttribute("aria-busy");
  });
  return made;
}

function overflow(block, element, place) {
  const choose = (option) => () => {
    if (option.url) window.open(option.url, "_blank", "noopener");
    press(block, element, place, option.value);
  };
  const items = element.options.map((option) => ({ label: option.text.text, choose: choose(option) }));
  const props = { type: "button", class: "button", "aria-label": "More", "aria-haspopup": "menu" };
  return h("button", { ...props, on: { click: (event) => openMenu(event.currentTarget, items) } }, icon("more"));
}

/** The content of an input block: its label, its element, hint and error. */
export function inputElement(block, place) {
  const { element } = block;
  const error = place.errors?.[block.block_id];
  const id = fresh("f");
  const about = [block.hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || null;
  const used = (value) => {
    enter(place.name, block, element, value);
    if (block.dispatch_action) press(block, element, place, value);
  };
  const made = control(block, element, { place, used, id, about, error });
  const label = [textOf(block.label), block.optional && h("span", { class: "optional" }, " (optional)")];
  const after = [
    error && h("p", { class: "error", id: `${id}-error` }, error),
    block.hint && h("p", { class: "hint", id: `${id}-hint` }, textOf(block.hint)),
  ];
  if (GROUPS.has(element.type)) {
    return h("fieldset", { "aria-describedby": about }, h("legend", {}, label), made, after);
  }
  return [h("label", { class: "label", for: id }, label), made, after];
}

const GROUPS = new Set(["radio_buttons", "checkboxes"]);

function control(block, element, told) {
  return (CONTROLS[element.type] ?? (() => h("p", {}, `No such element here: ${element.type}`)))(block, element, told);
}

function common(block, element, { id, about, error, label, place }) {
  return {
    id,
    "aria-label": id ? null : label,
    "aria-describedby": about,
    "aria-invalid": error ? "true" : null,
    "aria-required": block.type === "input" && !block.optional ? "true" : null,
    autofocus: element.focus_on_load && !entered(place.name, block, element),
    data: { focus: `${block.block_id}/${element.action_id}` },
  };
}

function text(block, element, told) {
  const value = entered(told.place.name, block, element) ?? element.initial_value ?? "";
  const more = { maxlength: element.max_length ?? 3000, placeholder: element.placeholder?.text };
  const made = h(element.multiline ? "textarea" : "input", {
    class: "text",
    ...common(block, element, told),
    ...more,
    value,
  });
  made.addEventListener("input", () => enter(told.place.name, block, element, made.value));
  made.addEventListener("change", () => told.used(made.value));
  return made;
}

function numeric(block, element, told) {
  const made = text(block, element, told);
  made.inputMode = element.is_decimal_allowed ? "decimal" : "numeric";
  return made;
}

function options(element, value) {
  const one = (option) => h("option", { value: option.value, selected: option.value === value }, option.text.text);
  if (!element.option_groups) return element.options.map(one);
  return element.option_groups.map((group) => h("optgroup", { label: group.label.text }, group.options.map(one)));
}

function select(block, element, told) {
  const value = entered(told.place.name, block, element) ?? element.initial_option?.value ?? "";
  const empty = h("option", { value: "", selected: value === "" }, element.placeholder?.text ?? "Choose …");
  const made = h("select", common(block, element, told), empty, options(element, value));
  made.addEventListener("change", () => told.used(made.value || null));
  return h("span", { class: "select" }, made);
}

function conversations(block, element, told) {
  const include = new Set(element.filter?.include ?? ["im", "private", "public"]);
  const kinds = { channels: "public", groups: "private", im: "im", mpim: "mpim" };
  const found = all("channel").filter((place) => include.has(kinds[place.kind]));
  const current = element.default_to_current_conversation ? here.channel : "";
  const value = entered(told.place.name, block, element) ?? element.initial_conversation ?? current;
  const made = h("select", common(block, element, told), [
    h("option", { value: "", selected: !value }, element.placeholder?.text ?? "Choose …"),
    found.map((place) => h("option", { value: place.id, selected: place.id === value }, channelName(place))),
  ]);
  made.addEventListener("change", () => told.used(made.value || null));
  return h("span", { class: "select" }, made);
}

function choices(type) {
  return (block, element, told) => {
    const initial = element.initial_options?.map((option) => option.value) ?? [element.initial_option?.value];
    const chosen = [entered(told.place.name, block, element) ?? initial].flat();
    const name = fresh("c");
    const used = () => {
      const ticked = [...group.querySelectorAll("input:checked")].map((box) => box.value);
      told.used(type === "radio" ? (ticked[0] ?? null) : ticked);
    };
    const one = (option, place) => {
      const focus = `${block.block_id}/${element.action_id}/${place}`;
      const box = {
        type,
        name,
        value: option.value,
        checked: chosen.includes(option.value),
        data: { focus },
        on: { change: used },
      };
      const about = option.description && h("span", { class: "hint" }, textOf(option.description));
      return h("label", { class: "choice" }, h("input", box), h("span", {}, textOf(option.text), about));
    };
    const group = h("div", { class: "choices" }, optionsOf(element).map(one));
    return group;
  };
}

const CONTROLS = {
  plain_text_input: text,
  number_input: numeric,
  static_select: select,
  conversations_select: conversations,
  radio_buttons: choices("radio"),
  checkboxes: choices("checkbox"),
  file_input: (block, element, told) => fileField(block, element, told, common(block, element, told)),
};

/** Who a person is, in words. */
export function nameOf(id) {
  return id === app().bot ? app().app_name : user(id).real;
}
