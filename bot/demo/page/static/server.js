// The way to the page's own server: what a person does goes there, what happens comes from there.

import { notice } from "./notices.js";
import { changed, here, take } from "./store.js";

const token = document.querySelector('meta[name="practice-token"]').content;
const ENDED = "The demo doesn't answer. If it was ended, start it again and reload this page.";
const STALE = "This page is from an earlier start of the demo: reload it.";
let source = null;

/** Do something as the person one is. Returns the answer; a refusal is shown by itself. */
export async function act(deed, wanted = {}) {
  const answer = await post(`/do/${deed}?as=${encodeURIComponent(here.me)}`, JSON.stringify(wanted));
  if (answer.refused) notice(answer.refused);
  return answer;
}

/** Put a person's file into the workspace; returns its id, or null after saying what went wrong. */
export async function upload(file, me = here.me) {
  const query = new URLSearchParams({ as: me, name: file.name });
  const answer = await post(`/upload?${query}`, file);
  if (answer.refused) notice(answer.refused);
  return answer.file ?? null;
}

async function post(path, body) {
  try {
    const response = await fetch(path, { method: "POST", headers: { "X-Practice-Token": token }, body });
    if (response.ok) return await response.json();
    return { refused: response.status === 403 ? STALE : `The demo can't do that: ${await response.text()}` };
  } catch {
    return { refused: ENDED };
  }
}

/** See the workspace as this person from now on. */
export function connect(me, { arrived }) {
  source?.close();
  let fresh = true;
  source = new EventSource(`/events?as=${encodeURIComponent(me)}`);
  source.onopen = () => {
    fresh = true;
    here.connected = true;
    changed();
  };
  source.onerror = () => {
    here.connected = false;
    changed();
  };
  source.onmessage = (event) => {
    const news = JSON.parse(event.data);
    take(news, { fresh });
    arrived(news, { fresh });
    fresh = false;
  };
}
