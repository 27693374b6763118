/** The page for a view of the model. Everything that comes from outside becomes text, never markup. */

import {FIELDS, percent, spoken, sureness} from './model.js';

const MARKS = {written: 'in the ticket', proposed: 'proposed', yours: 'corrected', coming: 'being written'};
const BUTTONS = {
  accept: {applied: 'Looks right'},
  edit: {suggestion: 'Edit…', applied: 'Correct…', abstained: 'Classify…', handled: 'Correct…'},
  dismiss: {},
  undo: {},
  again: {none: 'Check again', unreachable: 'Try again', broken: 'Try again'},
};
const TITLES = {issue_type: 'Issue type', priority: 'Priority', team: 'Team'};

/** An element. Children that are text become text nodes; `null` children are left out. */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  Object.entries(attributes || {}).forEach(([key, value]) => {
    if (key.startsWith('on')) {
      made.addEventListener(key.slice(2), value);
    } else if (value !== false && value !== null && value !== undefined) {
      made.setAttribute(key, value === true ? '' : value);
    }
  });
  made.append(...children.filter((child) => child !== null));
  return made;
}

function bar(share) {
  const drawn = element('span', {class: 'bar', 'aria-hidden': 'true'}, element('span', {class: 'fill'}));
  drawn.firstChild.style.inlineSize = Math.round(share * 100) + '%';
  return drawn;
}

function head(view) {
  return element(
    'header', {},
    element('h1', {id: 'title', tabindex: '-1'}, element('span', {class: 'brand'}, 'Firstline'),
      element('span', {class: 'unseen'}, ': '), element('span', {class: 'badge'}, view.title)),
    view.message ? element('p', {class: 'message'}, view.message) : null,
  );
}

/** Confidence as a number, a bar and words. */
function confidence(share) {
  return element(
    'p', {class: 'confidence'}, bar(share), element('strong', {}, percent(share)), ' ' + sureness(share),
  );
}

function fact(row) {
  const small = row.share !== null && row.name !== 'issue_type' ? percent(row.share) + ', ' : '';
  const kept = row.mark === 'kept';
  const mark = kept ? 'set by someone; proposed was ' + row.value : small + MARKS[row.mark];
  return element(
    'div', {class: 'fact ' + row.mark},
    element('dt', {}, row.title),
    element('dd', {},
      element('span', {class: 'value'}, kept ? row.instead : row.value),
      element('span', {class: 'mark'}, mark)),
  );
}

function facts(view) {
  const sure = view.facts.find((row) => row.name === 'issue_type' && row.share !== null);
  return view.facts.length === 0 ? null : element(
    'section', {class: 'facts', 'aria-label': 'Values'},
    sure ? confidence(sure.share) : null,
    element('dl', {}, ...view.facts.map(fact)),
  );
}

function guesses(view) {
  return view.top.length === 0 ? null : element(
    'section', {class: 'top', 'aria-labelledby': 'top-title'},
    element('h2', {id: 'top-title'}, view.blank ? 'Closest guesses' : 'Most likely'),
    element('ol', {}, ...view.top.map((entry) => element(
      'li', {}, element('span', {class: 'label'}, entry.text), bar(entry.share),
      element('span', {class: 'share'}, percent(entry.share)),
    ))),
  );
}

function reason(view) {
  return view.reason === '' ? null : element(
    'section', {class: 'reason', 'aria-labelledby': 'why-title'},
    element('h2', {id: 'why-title'}, 'Why'), element('p', {}, view.reason),
  );
}

function button(name, view, first, press) {
  const words = BUTTONS[name][view.state] || spoken(name);
  const attributes = {type: 'button', class: first ? 'primary' : '', 'data-action': name};
  return element('button', {...attributes, onclick: () => press(name)}, words);
}

function buttons(view, press) {
  return view.actions.length === 0 ? null : element(
    'div', {class: 'buttons', role: 'group', 'aria-label': 'What to do'},
    ...view.actions.map((name, i) => button(name, view, i === 0 && view.state !== 'handled', press)),
  );
}

function options(values, name) {
  const text = (value) => (name === 'team' ? value : spoken(value));
  return values.map((value) => element('option', {value}, text(value)));
}

/** A list to choose from, or, where the service gave none, a box to type in with proposals. */
function field(name, view) {
  const {values, open} = view.choices[name];
  const id = 'edit-' + name;
  const label = element('label', {for: id}, TITLES[name]);
  const start = view.blank ? '' : view.current[name];
  if (open) {
    const list = element('datalist', {id: id + '-list'}, ...options(values, name));
    const box = element('input', {id, name, list: id + '-list', value: start, maxlength: '200', autocomplete: 'off'});
    return element('div', {class: 'field'}, label, box, list);
  }
  const empty = view.blank || !start ? [element('option', {value: ''}, 'Leave as it is')] : [];
  const choice = element('select', {id, name}, ...empty, ...options(values, name));
  choice.value = start;
  return element('div', {class: 'field'}, label, choice);
}

/**
 * The form for corrections; `send(values)` and `cancel()` are called, nothing is sent from here.
 * A sandboxed frame may forbid forms to submit, so Enter and the button are heard directly.
 */
export function form(view, send, cancel) {
  const values = () => Object.fromEntries(FIELDS.map((name) => [name, made.elements[name].value]));
  const onkeydown = (event) => {
    if (event.key === 'Escape') {
      cancel();
    } else if (event.key === 'Enter' && event.target.tagName === 'INPUT') {
      event.preventDefault();
      send(values());
    }
  };
  const made = element(
    'form', {'aria-label': 'Correct the values', onsubmit: (event) => event.preventDefault(), onkeydown},
    ...FIELDS.map((name) => field(name, view)),
    element('div', {class: 'buttons'},
      element('button', {type: 'button', class: 'primary', 'data-action': 'save', onclick: () => send(values())}, 'Save'),
      element('button', {type: 'button', 'data-action': 'cancel', onclick: cancel}, 'Cancel')),
  );
  return made;
}

/** Fill `root` with the page for `view`; `press(action)` is called by the buttons. */
export function draw(root, view, press) {
  root.dataset.state = view.state;
  root.setAttribute('aria-busy', view.state === 'loading' ? 'true' : 'false');
  // Where nothing is proposed, why not is the main thing.
  const parts = view.blank
    ? [[reason(view), buttons(view, press)], [guesses(view)]]
    : [[facts(view), buttons(view, press)], [guesses(view), reason(view)]];
  const [left, right] = parts.map((column) => column.filter(Boolean));
  const columns = left.length + right.length === 0 ? [] : [element(
    'div', {class: right.length === 0 ? 'columns single' : 'columns'},
    element('div', {class: 'left'}, ...left),
    ...(right.length === 0 ? [] : [element('div', {class: 'right'}, ...right)]),
  )];
  const skeleton = view.state === 'loading' ? [element('div', {class: 'skeleton', 'aria-hidden': 'true'})] : [];
  const foot = view.versions ? [element('footer', {}, view.versions)] : [];
  root.replaceChildren(head(view), ...skeleton, ...columns, ...foot);
}

/** Show what went wrong with an action, above the buttons and to screen readers at once. */
export function complain(root, message) {
  root.querySelector('.problem')?.remove();
  const place = root.querySelector('.buttons');
  const problem = element('p', {class: 'problem', role: 'alert'}, message);
  if (place) {
    place.before(problem);
  } else {
    root.append(problem);
  }
}

/** Hold the controls while an action is on its way; they keep the keyboard's focus. */
export function hold(root, held) {
  root.setAttribute('aria-busy', String(held));
  root.querySelectorAll('button').forEach((each) => each.setAttribute('aria-disabled', String(held)));
}
