/** The flow of the widget: ask the app's backend, draw, send what the agent presses, draw again. */

import {answerOf, corrections, loading, operationKey, pause, viewOf} from './model.js';
import {complain, draw, form, hold} from './view.js';

const root = document.getElementById('firstline');
const news = document.getElementById('news');
const DONE = {accept: 'Accepted.', edit: 'Corrected.', dismiss: 'Dismissed.', undo: 'Undone.'};

let host = null;
let shown = loading();
let busy = false;
let pending = null; // the action whose answer is not known yet, with its key
let attempts = 0;
let timer = 0;

function random(count) {
  return crypto.getRandomValues(new Uint8Array(count));
}

/** One call of our handler for this ticket. Never throws: whatever is thrown becomes an answer. */
async function call(path, parameters) {
  try {
    return await host.fetchApp('backend/' + path, {scope: true, ...parameters});
  } catch (error) {
    return answerOf(error);
  }
}

/** Look again by itself while something is still to come; less and less often, and not for ever. */
function schedule() {
  clearTimeout(timer);
  const wait = shown.state === 'none' || shown.waiting ? pause(attempts) : 0;
  if (wait > 0) {
    timer = setTimeout(() => {
      attempts += 1;
      refresh();
    }, wait);
  }
}

/** Draw a view; the keyboard's focus stays on the button it was on. */
function show(view) {
  const focus = root.contains(document.activeElement) ? document.activeElement : null;
  shown = view;
  draw(root, view, press);
  if (focus) {
    (root.querySelector(`[data-action="${focus.dataset.action}"]`) || document.getElementById('title')).focus();
  }
  schedule();
}

async function look() {
  const view = viewOf(await call('suggestion', {method: 'GET'}), YTApp.locale);
  if (JSON.stringify(view) === JSON.stringify(shown)) {
    schedule();
    return;
  }
  news.textContent = shown.state === 'loading' ? '' : view.message;
  show(view);
}

/** The same key for the same wish until its answer is known, so that a repeated press acts once. */
function keyFor(action, fields) {
  const wish = JSON.stringify([action, fields]);
  if (!pending || pending.wish !== wish) {
    pending = {wish, key: operationKey(random)};
  }
  return pending.key;
}

async function act(action, fields) {
  if (busy) {
    return;
  }
  busy = true;
  hold(root, true);
  news.textContent = 'Working…';
  const body = {operation: keyFor(action, fields), fields};
  const answer = await call(action, {method: 'POST', body});
  busy = false;
  if (answer && answer.ok === true) {
    pending = null;
    attempts = 0;
    show(viewOf(answer, YTApp.locale));
    news.textContent = DONE[action];
    document.getElementById('title').focus();
  } else {
    hold(root, false);
    news.textContent = '';
    if (answer && answer.kind === 'stale') {
      await look(); // somebody was faster; show what is so now
    }
    complain(root, (answer && answer.message) || 'Firstline gave no answer. Try again.');
  }
}

function close() {
  show(shown);
  root.querySelector('[data-action="edit"]')?.focus();
}

function edit() {
  const send = (values) => {
    const fields = corrections(shown, values);
    if (Object.keys(fields).length === 0) {
      complain(root, 'Nothing is different from the suggestion.');
    } else {
      act('edit', fields);
    }
  };
  const editor = form(shown, send, close);
  root.querySelectorAll('.facts, .problem').forEach((each) => each.remove());
  root.querySelector('.buttons').replaceWith(editor);
  editor.elements[0].focus();
}

function press(action) {
  if (busy) {
    return;
  }
  if (action === 'edit') {
    edit();
  } else if (action === 'again') {
    attempts = 0;
    show(loading());
    look();
  } else {
    act(action, {});
  }
}

/** Look again, unless the agent is in the middle of something. */
function refresh() {
  return busy || root.querySelector('form') ? Promise.resolve() : look();
}

/** Register with YouTrack and show what Firstline says. */
async function start() {
  draw(root, shown, press);
  try {
    host = await YTApp.register({onRefresh: refresh});
  } catch {
    show(viewOf({ok: false, kind: 'unconfigured', message: 'This page works inside YouTrack only.'}));
    return;
  }
  await look();
}

start();
