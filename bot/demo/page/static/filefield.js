// A form's file input: chosen, dropped in, or one of the samples by a click.

import { h, icon, iconButton, swap } from "./dom.js";
import { enter, entered } from "./entries.js";
import { sizeOf } from "./media.js";
import { act, upload } from "./server.js";
import { all, get } from "./store.js";

/** Names of files that the workspace has not told of yet. */
const names = new Map();

export function fileField(block, element, told, common) {
  const most = element.max_files ?? 10;
  const place = told.place.name;
  const given = entered(place, block, element) ?? [];
  const change = (files) => {
    enter(place, block, element, files);
    told.used(files);
    renew();
  };
  const add = (ids) => change([...given, ...ids].slice(-most));
  const accept = element.filetypes?.map((type) => `.${type}`).join(",");
  const input = h("input", { ...common, type: "file", class: "over", accept, multiple: most > 1 });
  input.addEventListener("change", () => take(field, [...input.files], add));
  const zone = h(
    "div",
    { class: given.length ? "drop slim" : "drop" },
    input,
    icon("file"),
    h("span", {}, given.length ? "Choose another file" : "Choose a file"),
    h("span", { class: "hint" }, " or drop it here"),
  );
  const chips = given.map((id) => chip(id, () => change(given.filter((other) => other !== id))));
  const field = h(
    "div",
    { class: "file-field" },
    chips.length ? h("ul", { class: "chips" }, chips) : null,
    zone,
    given.length < most ? samples(block, element, add) : null,
  );
  const renew = () => {
    const again = fileField(block, element, told, common);
    swap(field, again);
    again.querySelector("input").focus({ preventScroll: true });
  };
  receiveDrops(zone, (files) => take(field, files, add));
  return field;
}

function chip(id, remove) {
  const file = get(`file/${id}`) ?? names.get(id) ?? { name: id, size: 0 };
  return h(
    "li",
    { class: "chip" },
    icon("file"),
    h("span", {}, file.name),
    h("span", { class: "hint" }, sizeOf(file.size)),
    iconButton("close", `Remove ${file.name}`, remove),
  );
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
    made.addEventListener("click", async () => {
      made.setAttribute("aria-busy", "true");
      const { file } = await act("sample", { name: sample.name });
      made.removeAttribute("aria-busy");
      if (file) {
        names.set(file, { name: sample.name, size: 0 });
        add([file]);
      }
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

async function take(field, files, add) {
  if (!files.length) return;
  field.setAttribute("aria-busy", "true");
  const ids = [];
  for (const file of files) {
    const id = await upload(file);
    if (id) {
      names.set(id, { name: file.name, size: file.size });
      ids.push(id);
    }
  }
  field.removeAttribute("aria-busy");
  if (ids.length) add(ids);
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
