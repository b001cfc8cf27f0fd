// Where one writes: messages with files, slash commands with completion, the bot's shortcuts.

import { chip } from "./chip.js";
import { announce, h, icon, iconButton, keyed } from "./dom.js";
import { receiveDrops } from "./filefield.js";
import { openMenu } from "./menu.js";
import { notice } from "./notices.js";
import { act, upload } from "./server.js";
import { all, app, get, here, user } from "./store.js";

let composers = 0;

/** A composer. `target()` says where it writes to: `{channel, thread, name}`. */
export class Composer {
  constructor({ id, target }) {
    this.target = target;
    this.drafts = new Map(); // what each person began to write, by where
    this.draft = { text: "", files: [], coming: 0 };
    composers += 1;
    this.list = `complete-${composers}`;
    this.choices = h("ul", {
      class: "complete",
      role: "listbox",
      id: this.list,
      "aria-label": "Suggestions",
      hidden: true,
    });
    this.field = h("textarea", {
      id,
      rows: 1,
      "aria-autocomplete": "list",
      "aria-controls": this.list,
      "aria-haspopup": "listbox",
      on: {
        input: () => this.typed(),
        keydown: (event) => this.key(event),
        blur: () => setTimeout(() => this.suggest([]), 150),
      },
    });
    this.chips = h("ul", { class: "chips" });
    const picker = h("input", { type: "file", class: "unseen", multiple: true, tabindex: "-1", "aria-hidden": "true" });
    picker.addEventListener("change", () => this.attach([...picker.files], picker));
    this.shortcuts = iconButton("bolt", "Shortcuts", (event) => this.openShortcuts(event.currentTarget), {
      "aria-haspopup": "menu",
    });
    this.node = h(
      "form",
      { class: "composer", on: { submit: (event) => this.send(event) } },
      this.choices,
      this.chips,
      this.field,
      h(
        "div",
        { class: "tools" },
        iconButton("attach", "Attach a file", () => picker.click()),
        picker,
        this.shortcuts,
        h("span", { class: "hint keys" }, "Enter sends, Shift+Enter begins a line"),
        h("button", { type: "submit", class: "button primary send", "aria-label": "Send" }, icon("send")),
      ),
    );
    receiveDrops(this.node, (files) => this.attach(files));
  }

  draftHere() {
    const { channel, thread } = this.target();
    const where = [here.me, channel, thread].join("/");
    if (!this.drafts.has(where)) this.drafts.set(where, { text: "", files: [], coming: 0 });
    return this.drafts.get(where);
  }

  /** Show the draft of whoever one is, where one is. */
  turn() {
    const draft = this.draftHere();
    if (draft === this.draft) return;
    this.draft.text = this.field.value;
    this.draft = draft;
    this.field.value = draft.text;
    this.typed();
  }

  draw() {
    this.turn();
    const { name } = this.target();
    this.field.placeholder = `Message ${name}`;
    this.field.setAttribute("aria-label", `Message ${name}`);
    this.shortcuts.hidden = !this.globals().length;
    keyed(
      this.chips,
      this.draft.files.map((id) => ({ key: id, stamp: [get(`file/${id}`)], make: () => this.chip(id) })),
    );
    this.node.setAttribute("aria-busy", String(this.draft.coming > 0));
  }

  chip(id) {
    const { draft } = this;
    return chip(get(`file/${id}`) ?? { name: "…", size: 0 }, () => {
      draft.files = draft.files.filter((other) => other !== id);
      this.draw();
    });
  }

  globals() {
    return app().shortcuts.filter((shortcut) => shortcut.type === "global");
  }

  openShortcuts(button) {
    const choose = (shortcut) => () => act("shortcut", { id: shortcut.id });
    openMenu(
      button,
      this.globals().map((s) => ({ label: s.name, hint: s.description, choose: choose(s) })),
    );
  }

  async attach(files, picker) {
    const { draft } = this;
    const { me } = here;
    draft.coming += files.length;
    this.draw();
    for (const file of files) {
      const id = await upload(file, me);
      if (id) draft.files.push(id);
      draft.coming -= 1;
    }
    if (picker) picker.value = "";
    this.draw();
    if (draft === this.draft) this.field.focus();
  }

  /** Put words into the field, as if typed. */
  write(text) {
    this.field.value = text;
    this.field.focus();
    this.typed();
  }

  typed() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(200, this.field.scrollHeight)}px`;
    this.suggest(this.matches());
  }

  matches() {
    const text = this.field.value.slice(0, this.field.selectionStart);
    if (/^\/\S*$/.test(text) && !this.target().thread) {
      const invite = { command: "/invite", description: "Bring the bot into this channel", hint: `@${app().bot_name}` };
      const found = [...app().commands, invite].filter((known) => known.command.startsWith(text));
      return found.map((c) => ({ label: c.command, hint: `${c.hint} ${c.description}`, text: `${c.command} ` }));
    }
    const name = /(?:^|\s)@(\w*)$/.exec(text);
    if (!name) return [];
    const found = all("user").filter((other) => other.name.startsWith(name[1].toLowerCase()) && other.id !== app().me);
    return found.map((other) => ({
      label: `@${other.name}`,
      hint: user(other.id).real,
      text: `${text.slice(0, text.length - name[1].length)}${other.name} `,
    }));
  }

  suggest(found) {
    if (found.length && !this.found?.length) announce(found.length === 1 ? "1 suggestion" : `${found.length} suggestions`);
    this.found = found;
    this.at = 0;
    this.choices.replaceChildren(...found.map((item, place) => this.choice(item, place)));
    this.choices.hidden = !found.length;
    this.mark();
  }

  choice(item, place) {
    const choose = (event) => {
      event.preventDefault();
      this.at = place;
      this.complete();
    };
    return h(
      "li",
      { role: "option", id: `${this.list}-${place}`, on: { mousedown: choose } },
      h("strong", {}, item.label),
      " ",
      h("span", { class: "hint" }, item.hint),
    );
  }

  mark() {
    for (const [place, item] of [...this.choices.children].entries()) {
      item.setAttribute("aria-selected", String(place === this.at));
    }
    const active = this.found?.length ? `${this.list}-${this.at}` : null;
    if (active) this.field.setAttribute("aria-activedescendant", active);
    else this.field.removeAttribute("aria-activedescendant");
  }

  complete() {
    const item = this.found[this.at];
    this.field.value = item.text + this.field.value.slice(this.field.selectionStart).trimStart();
    this.suggest([]);
    this.field.focus();
    announce(item.label);
  }

  key(event) {
    const open = this.found?.length > 0;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (open && step) {
      event.preventDefault();
      this.at = (this.at + step + this.found.length) % this.found.length;
      this.mark();
    } else if (open && event.key === "Escape") {
      event.preventDefault();
      this.suggest([]);
    } else if (open && (event.key === "Tab" || (event.key === "Enter" && !this.whole()))) {
      event.preventDefault();
      this.complete();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.node.requestSubmit();
    }
  }

  /** True when what is typed is a command already, so that Enter means it. */
  whole() {
    return this.found.some((item) => item.text.trim() === this.field.value.trim());
  }

  async send(event) {
    event.preventDefault();
    const { channel, thread } = this.target();
    const text = this.field.value;
    const { draft } = this;
    const { files } = draft;
    if (draft.coming) {
      notice("A file is still coming. Send the message when it is here.");
      return;
    }
    if (!text.trim() && !files.length) return;
    this.field.value = "";
    draft.files = [];
    this.typed();
    this.draw();
    const answer = await act("say", { channel, thread: thread || null, text, files });
    if (!answer.refused) return;
    // It comes back before whatever was begun meanwhile.
    const begun = draft === this.draft ? this.field.value : draft.text;
    draft.text = [text, begun].filter(Boolean).join("\n");
    draft.files = [...files, ...draft.files];
    if (draft === this.draft) this.write(draft.text);
    this.draw();
  }
}
