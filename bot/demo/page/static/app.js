// The page: who one is, where one is, and every part drawn again when something changed.

import { announce } from "./dom.js";
import { drawConversation } from "./conversation.js";
import { nameOf } from "./elements.js";
import { drawModal } from "./modal.js";
import { plain } from "./mrkdwn.js";
import { mishap } from "./notices.js";
import { drawPanel } from "./panel.js";
import { connect } from "./server.js";
import { drawSidebar, onBecoming } from "./sidebar.js";
import { all, app, channel, get, go, here, listen, showPanel } from "./store.js";
import { drawThread } from "./thread.js";

const said = new Map(); // key of a message: the words that were read out last

/** Read out what the bot says where the person is, and show what went wrong. */
function arrived({ set }, { fresh }) {
  for (const [key, value] of Object.entries(set)) {
    if (key.startsWith("mishap/") && !fresh) mishap(value);
    if (!key.startsWith("message/") && !key.startsWith("whisper/")) continue;
    const spoken = value.channel === here.channel && (value.private || value.user === get("app").bot);
    if (spoken && !fresh && said.get(key) !== value.text && value.text) {
      announce(`${nameOf(get("app").bot)}: ${plain(value.text)}`);
    }
    said.set(key, value.text);
  }
}

function become(me) {
  here.me = me;
  connect(me, { arrived });
}

/** On a small screen one part covers the others: those are out of reach of keys and screen readers, too. */
function cover() {
  const top = (here.sidebar && "sidebar") || (here.panel && "panel") || (here.thread && "thread") || "conversation";
  for (const id of ["sidebar", "conversation", "thread", "panel"]) {
    document.getElementById(id).inert = !roomy.matches && id !== top;
  }
  if (document.activeElement?.closest("[inert]")) document.getElementById(top).querySelector("button").focus();
}

function settle() {
  here.me = app().me;
  if (channel(here.channel)) return;
  const first = all("channel").find((place) => place.name === app().channel) ?? all("channel")[0];
  go({ channel: first.id, thread: "" });
}

for (const draw of [settle, drawSidebar, drawConversation, drawThread, drawPanel, drawModal]) listen(draw);
onBecoming((me) => {
  // Direct messages are one's own: as somebody else one stands in the channel.
  const direct = channel(here.channel)?.kind === "im";
  go({ me, thread: "", channel: direct ? "" : here.channel });
  become(me);
});
// On a small screen the panel would cover all the rest.
const roomy = matchMedia("(min-width: 60rem)");
here.panel = roomy.matches;
listen(cover);
roomy.addEventListener("change", () => showPanel(roomy.matches));
const [me = "", place = "", thread = ""] = location.hash.slice(1).split("/");
go({ me, channel: place, thread });
become(me);
