// Files in messages: pictures and videos inline, everything else as a tile.

import { h, icon } from "./dom.js";
import { app, get } from "./store.js";

const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"]);
const VIDEOS = new Set(["video/mp4", "video/quicktime", "video/webm"]);

function address(file) {
  return `/file/${file.id}/${encodeURIComponent(file.name)}`;
}

export function sizeOf(bytes) {
  if (!bytes) return "";
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** A file as it stands in a message. */
export function fileNode(id) {
  const file = get(`file/${id}`);
  if (!file || file.deleted) return h("div", { class: "tile" }, icon("file"), h("span", {}, "This file was deleted."));
  if (PICTURES.has(file.mimetype)) return picture(file);
  if (VIDEOS.has(file.mimetype)) return video(file);
  return tile(file);
}

function picture(file) {
  const image = h("img", { src: address(file), alt: file.alt ?? file.title });
  image.addEventListener("error", () => image.parentElement.replaceWith(tile(file)));
  return h("a", { class: "picture", href: address(file), target: "_blank", rel: "noopener" }, image);
}

function video(file) {
  const player = h("video", {
    src: address(file),
    controls: true,
    preload: "metadata",
    playsinline: true,
    "aria-label": file.title,
  });
  const frame = h("figure", { class: "video" }, h("figcaption", {}, caption(file)), player);
  player.addEventListener("error", () => frame.replaceWith(tile(file, "This browser can't play it.")));
  return frame;
}

function caption(file) {
  return [
    h("a", { href: address(file), download: file.name }, file.title),
    h("span", { class: "hint" }, ` ${sizeOf(file.size)}`),
  ];
}

function tile(file, note = "") {
  const kind = (file.name.split(".").pop() || "file").toUpperCase();
  const words = h(
    "span",
    {},
    h("a", { href: address(file), download: file.name }, file.title),
    h("span", { class: "hint" }, `${kind} ${sizeOf(file.size)} ${note}`),
  );
  return h("div", { class: "tile" }, icon("file"), words);
}

/** A picture that a block takes from a file of the workspace. */
export function fileImage(reference, alt) {
  const id = reference.id ?? /\b(F\w+)/.exec(reference.url ?? "")?.[1];
  const file = id && get(`file/${id}`);
  const src = file ? address(file) : id && `/file/${id}/picture`;
  return src ? h("img", { src, alt }) : h("span", { class: "no-picture" }, `[${alt}]`);
}

export function avatar(id) {
  if (id === app().bot) return h("img", { class: "avatar", src: "/static/mark.svg", alt: "" });
  const person = get(`user/${id}`);
  const number = Number(id.slice(-3)) % 5;
  return h("span", { class: `avatar person-${number}`, "aria-hidden": "true" }, (person?.real ?? "?")[0]);
}
