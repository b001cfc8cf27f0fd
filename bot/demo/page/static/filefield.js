// A form's file input: chosen, dropped in, or one of the samples by a click.

import { chip } from "./chip.js";
import { h, icon, swap } from "./dom.js";
import { enter, entered } from "./entries.js";
import { act, upload } from "./server.js";
import { all, get } from "./store.js";

/** Names of files that the workspace has not told of yet. */
const names = new Map();
/** How many files are on their way, by the place of the field that they are for. */
const coming = new Map();

/** True while a file for a field of this place is on its way: what is sent now would lack it. */
export function waiting(place) {
  return coming.get(place) > 0;
}

export function fileField(block, element, told, common) {
  const most = element.max_files ?? 10;
  const place = told.place.name;
  const name = [place, block.block_id, element.action_id].join(" ");
  // Asked for anew each time: the form may have been drawn again, or closed, while a file was on its way.
  const standing = () => document.querySelector(`.file-field[data-field="${CSS.escape(name)}"]`);
  const given = () => entered(place, block, element) ?? [];
  const change = (files) => {
    const field = standing();
    if (!field) return;
    enter(place, block, element, files);
    told.used(files);
    const again = fileField(block, element, told, common);
    swap(field, again);
    again.querySelector("input").focus({ preventScroll: true });
  };
  const add = (work) => arrive(told.place, standing, work, (ids) => change([...given(), ...ids].slice(-most)));
  const accept = element.filetypes?.map((type) => `.${type}`).join(",");
  const input = h("input", { ...common, type: "file", class: "over", accept, multiple: most > 1 });
  input.addEventListener("change", () => add(() => uploaded([...input.files])));
  const zone = h(
    "div",
    { class: given().length ? "drop slim" : "drop" },
    input,
    icon("file"),
    h("span", {}, given().length ? "Choose another file" : "Choose a file"),
    h("span", { class: "hint" }, " or drop it here"),
  );
  const chips = given().map((id) => chip(known(id), () => change(given().filter((other) => other !== id))));
  receiveDrops(zone, (files) => add(() => uploaded(files)));
  return h(
    "div",
    { class: "file-field", data: { field: name } },
    chips.length ? h("ul", { class: "chips" }, chips) : null,
    zone,
    given().length < most ? samples(block, element, add) : null,
  );
}

function known(id) {
  return get(`file/${id}`) ?? names.get(id) ?? { name: id, size: 0 };
}

/** Let files come that `work` brings, and take them when they are here. Meanwhile the place waits for them. */
async function arrive(place, standing, work, take) {
  const count = (more) => {
    coming.set(place.name, (coming.get(place.name) ?? 0) + more);
    place.waits?.();
  };
  count(1);
  standing()?.setAttribute("aria-busy", "true");
  const ids = await work();
  standing()?.removeAttribute("aria-busy");
  if (ids.length) take(ids);
  count(-1);
}

/** What a field asks for, by its words: Slack's own field takes every file. */
function kindOf(label) {
  if (/picture|image|photo/i.test(label)) return "image/";
  return /video|film|clip/i.test(label) ? "video/" : "";
}

function samples(block, element, add) {
  const kind = kindOf(block.label?.text ?? "");
  const fits = (sample) => !element.filetypes || element.filetypes.includes(sample.name.split(".").pop());
  const found = all("sample").filter((sample) => fits(sample) && sample.mimetype.startsWith(kind));
  if (!found.length) return null;
  const one = (sample) => {
    const made = h("button", { type: "button", class: "sample" }, sample.label);
    made.addEventListener("click", () => {
      made.setAttribute("aria-busy", "true");
      add(async () => {
        const { file } = await act("sample", { name: sample.name });
        made.removeAttribute("aria-busy");
        if (file) names.set(file, { name: sample.name, size: 0 });
        return file ? [file] : [];
      });
    });
    return made;
  };
  return h(
    "div",
    { class: "samples", role: "group", "aria-label": "Sample files" },
    h("span", { class: "hint" }, "Or a sample: "),
    found.map(one),
  );
}

async function uploaded(files) {
  const ids = [];
  for (const file of files) {
    const id = await upload(file);
    if (id) {
      names.set(id, { name: file.name, size: file.size });
      ids.push(id);
    }
  }
  return ids;
}

/** Take what is dropped on an element. */
export function receiveDrops(zone, take_) {
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("dragged-over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("dragged-over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("dragged-over");
    take_([...event.dataTransfer.files]);
  });
}
