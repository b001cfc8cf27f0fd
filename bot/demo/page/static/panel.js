// Behind the scenes: the bot's process, the stand-in Model Studio, and what may go wrong.

import { h, iconButton, keyed } from "./dom.js";
import { act } from "./server.js";
import { all, get, here, showPanel } from "./store.js";

const aside = document.getElementById("panel");
const STATES = { running: "Running", starting: "Starting …", killed: "Killed", ended: "Ended" };
const MARKS = {
  PENDING: "waits",
  RUNNING: "renders",
  SUCCEEDED: "done",
  FAILED: "failed",
  CANCELED: "cancelled",
  UNKNOWN: "unknown",
};

export function drawPanel() {
  aside.hidden = !here.panel;
  document.getElementById("app").classList.toggle("with-panel", here.panel);
  const bill = get("bill");
  const tasks = all("task").sort((one, other) => other.number - one.number);
  keyed(aside, [
    { key: "head", stamp: [], make: head },
    { key: "bot", stamp: [get("bot")], make: bot },
    { key: "studio", stamp: [], make: studio },
    { key: "studio-trouble", stamp: switches("studio"), make: () => trouble("studio", "Trouble at Model Studio") },
    { key: "slack-trouble", stamp: switches("slack"), make: () => trouble("slack", "Trouble at Slack") },
    { key: "refusals", stamp: [...all("refusal"), ...all("violation"), ...all("refused")], make: refusals },
  ]);
  keyed(aside.querySelector(".figures"), figures(bill));
  keyed(
    aside.querySelector(".tasks"),
    tasks.map((task) => ({ key: task.id, stamp: [task], make: (old) => taskNode(task, old) })),
  );
  aside.querySelector(".none-yet").hidden = tasks.length > 0;
  tick();
}

function head() {
  const hide = () => {
    showPanel(false);
    requestAnimationFrame(() => document.querySelector('[data-focus="panel"]')?.focus());
  };
  return h(
    "header",
    { class: "bar" },
    h(
      "div",
      { class: "bar-inner" },
      h(
        "div",
        { class: "title" },
        h("h2", {}, "Behind the scenes"),
        h("p", { class: "hint" }, "The side that nobody in Slack sees"),
      ),
      iconButton("close", "Hide what is behind the scenes", hide),
    ),
  );
}

function bot() {
  const { state, pid, note, killable } = get("bot");
  const alive = pid !== null;
  const button = (label, deed, style) =>
    h(
      "button",
      {
        type: "button",
        class: `button ${style}`,
        data: { focus: "bot-process" },
        on: { click: (event) => busy(event.currentTarget, deed) },
      },
      label,
    );
  return h(
    "section",
    { class: "card bot", "aria-labelledby": "bot-title" },
    h("h3", { id: "bot-title" }, "The bot"),
    h("p", { role: "status" }, h("span", { class: `lamp ${state}` }), STATES[state] ?? state),
    (pid || note) && h("p", { class: "hint" }, pid && `process ${pid}`, note && ` ${note}`),
    killable && (alive ? button("Kill the bot", "kill", "danger") : button("Start", "start", "primary")),
  );
}

async function busy(button, deed) {
  button.setAttribute("aria-busy", "true");
  await act(deed);
  button.removeAttribute("aria-busy");
}

function studio() {
  const none = "Nothing was sent yet. Each job appears here with what it was sent.";
  return h(
    "section",
    { class: "card", "aria-labelledby": "studio-title" },
    h("h3", { id: "studio-title" }, "Model Studio"),
    h("div", { class: "figures" }),
    h("p", { class: "hint none-yet" }, none),
    h("ol", { class: "tasks", "aria-label": "Tasks, newest first" }),
  );
}

function figures(bill) {
  const one = (value, words) => ({
    key: words,
    stamp: [value],
    make: () => h("div", { class: "figure" }, h("strong", {}, value), h("span", { class: "hint" }, words)),
  });
  const money = `${bill.currency}${bill.total.toFixed(2)}`;
  return [one(String(bill.waiting), "waiting"), one(String(bill.running), "rendering"), one(money, "would have cost")];
}

function switches(service) {
  return all("switch").filter((one) => one.service === service);
}

function trouble(service, title) {
  const one = (known) => {
    const turn = () => act("switch", { name: known.name, on: !known.on });
    const props = {
      type: "button",
      role: "switch",
      class: "switch",
      "aria-checked": String(known.on),
      data: { focus: `switch/${known.name}` },
      on: { click: turn },
    };
    return h(
      "li",
      {},
      h(
        "button",
        props,
        h("span", { class: "knob" }),
        h("span", {}, known.label, h("span", { class: "hint" }, known.hint)),
      ),
    );
  };
  const on = switches(service).filter((known) => known.on).length;
  const summary = h("summary", {}, h("h3", {}, title), on ? h("span", { class: "badge warning" }, `${on} on`) : null);
  const old = aside.querySelector(`details[data-service="${service}"]`);
  return h(
    "details",
    { class: "card", open: old ? old.open : true, data: { service } },
    summary,
    h("ul", { class: "switches" }, switches(service).map(one)),
  );
}

function taskNode(task, old) {
  const open = old?.querySelector("details")?.open ?? false;
  const price =
    task.price === null ? null : h("span", { class: "price" }, `${get("bill").currency}${task.price.toFixed(2)}`);
  const mark = task.place ? `${MARKS[task.status]}, number ${task.place}` : MARKS[task.status];
  const since = task.status === "RUNNING" ? h("time", { data: { since: task.started } }) : null;
  const took =
    task.ended && task.started ? h("span", { class: "hint" }, `${(task.ended - task.started).toFixed(1)} s`) : null;
  return h(
    "li",
    { class: "task" },
    h(
      "div",
      { class: "line" },
      h("strong", {}, task.kind || task.model),
      h("span", { class: "hint" }, task.mode),
      h("span", { class: `state ${task.status.toLowerCase()}` }, mark),
      since,
      took,
      price,
    ),
    task.error && h("p", { class: "error" }, `${task.error[0]}: ${task.error[1]}`),
    task.sent && h("details", { open }, h("summary", {}, "What it was sent"), sent(task)),
  );
}

function sent(task) {
  const inputs = Object.entries(task.fetched).map(([role, size]) =>
    h("li", {}, `${role}: ${size.toLocaleString("en")} bytes fetched`),
  );
  const headers = Object.entries(task.sent.headers)
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n");
  return [
    h("pre", { tabindex: "0", "aria-label": "The request" }, `${headers}\n\n${task.sent.body}`),
    h("ul", { class: "hint" }, h("li", {}, `task ${task.id}, looked at ${task.looks} times`), inputs),
  ];
}

function refusals() {
  const calls = all("refusal").sort((one, other) => other.number - one.number);
  const lines = [
    ...all("violation").map((one) => h("li", {}, one.text)),
    ...all("refused").map((one) => h("li", {}, h("code", {}, "create"), " ", h("span", { class: "error" }, one.code))),
    ...calls.map((one) => h("li", {}, h("code", {}, one.method), " ", h("span", { class: "error" }, one.error))),
  ];
  const none = h("p", { class: "hint" }, "Nothing so far.");
  return h(
    "section",
    { class: "card", "aria-labelledby": "refusals-title" },
    h("h3", { id: "refusals-title" }, "What was refused to the bot"),
    lines.length ? h("ul", { class: "refusals" }, lines) : none,
  );
}

function tick() {
  for (const shown of aside.querySelectorAll("time[data-since]")) {
    shown.textContent = `${Math.max(0, Date.now() / 1000 - Number(shown.dataset.since)).toFixed(0)} s`;
  }
}

setInterval(tick, 1000);
