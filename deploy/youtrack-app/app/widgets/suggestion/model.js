/**
 * What the widget shows, worked out from what the app's backend answered. No browser, no clock, no network.
 *
 * A view is a plain object: `state` (one of STATES), `title`, `message`, `facts` (rows), `top`, `reason`,
 * `actions` (names of buttons, the most important first) and what the buttons need.
 */

export const STATES = [
  'loading', 'suggestion', 'applied', 'abstained', 'handled', 'none', 'unreachable', 'forbidden', 'broken',
];
export const FIELDS = ['issue_type', 'priority', 'team'];

const NAMES = {issue_type: 'Issue type', category: 'Category', priority: 'Priority', team: 'Team'};
const TITLES = {
  loading: 'Looking…',
  suggestion: 'Suggestion',
  applied: 'Applied by Firstline',
  abstained: 'Left to you',
  handled: 'Handled',
  none: 'No suggestion yet',
  unreachable: 'Not reachable',
  forbidden: 'No permission',
  broken: 'Not working',
};
const HANDLED = {__proto__: null, accept: 'Accepted', edit: 'Corrected', dismiss: 'Dismissed', undo: 'Undone'};
const PAST = {__proto__: null, accepted: 'accept', edited: 'edit', dismissed: 'dismiss', undone: 'undo'};
const ACTIONS = {
  suggestion: ['accept', 'edit', 'dismiss'],
  applied: ['accept', 'edit', 'undo'],
  abstained: ['edit', 'dismiss'],
};
const FAILURES = {
  __proto__: null,
  unknown: ['none', ['again']],
  unreachable: ['unreachable', ['again']],
  forbidden: ['forbidden', []],
  unconfigured: ['broken', []],
  refused: ['broken', ['again']],
};
const SETTLED = ['done', 'withdrawn'];
const DELIVERY = {
  waiting: {write: 'Being written into the ticket.', undo: 'Being put back as it was.'},
  stuck: {
    write: 'The ticket could not be written; Firstline\'s operators see why.',
    undo: 'The ticket could not be put back; Firstline\'s operators see why.',
  },
};
const SURENESS = [[0.95, 'very sure'], [0.8, 'sure'], [0.6, 'fairly sure'], [0.4, 'unsure']];
const PRIORITIES = ['critical', 'major', 'normal', 'minor'];

/** Whole percents; the ends are only shown when reached. `share` in 0..1. */
export function percent(share) {
  if (share > 0 && share < 0.005) {
    return 'under 1 %';
  }
  if (share >= 0.995 && share < 1) {
    return 'over 99 %';
  }
  return Math.round(share * 100) + ' %';
}

/** A probability (0..1) in words. */
export function sureness(share) {
  const found = SURENESS.find(([least]) => share >= least);
  return found ? found[1] : 'a guess';
}

/** A label of ours as a person would write it: `bank_details_change` becomes `Bank details change`. */
export function spoken(label) {
  const text = String(label).replace(/_/g, ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** When something happened, short, in the reader's language; empty where it is no time. */
export function moment(at, locale) {
  const time = new Date(at);
  if (!at || isNaN(time)) {
    return '';
  }
  const how = {day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit'};
  try {
    return new Intl.DateTimeFormat(locale || undefined, how).format(time);
  } catch {
    return new Intl.DateTimeFormat(undefined, how).format(time);
  }
}

/** A key for one press of a button: pressing again after a lost answer must not act twice. */
export function operationKey(random) {
  return 'op_' + Array.from(random(12), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function isShare(value) {
  return typeof value === 'number' && value >= 0 && value <= 1;
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The decision's facts and what became of it in one object, however deep the service nests the decision. */
function flat(suggestion) {
  return isObject(suggestion.decision)
    ? {...suggestion, ...suggestion.decision, decision: suggestion.decision.decision}
    : suggestion;
}

/** Who an actor of the audit log is: `tracker:kim` is kim, `key:...` another program. */
function login(actor) {
  const text = String(actor || '');
  return text.startsWith('key:') ? 'another program' : text.replace(/^tracker:/, '');
}

/** What a person did about it: `{action, by, at, fields}`, or nothing. */
function handling(facts) {
  const given = isObject(facts.feedback) ? facts.feedback : {};
  if (facts.undone_at) {
    return {action: 'undo', by: login(facts.undone_by), at: facts.undone_at, fields: {}};
  }
  const action = PAST[given.action] || given.action;
  return HANDLED[action]
    ? {action, by: login(given.by || given.actor), at: given.at, fields: isObject(given.fields) ? given.fields : {}}
    : null;
}

/** Which of our values stand in the ticket. A field that a person filled is in `kept` instead. */
function written(facts) {
  return Array.isArray(facts.written) ? facts.written.filter((name) => typeof name === 'string') : [];
}

/** Whether what was decided or ordered is in the ticket: `waiting`, `stuck`, or empty for yes or nothing to do. */
function deliveryOf(facts, done) {
  const expected = done ? done.action !== 'dismiss' : facts.decision === 'apply';
  if (!expected || !facts.delivery || SETTLED.includes(facts.delivery)) {
    return '';
  }
  return facts.delivery === 'dead' ? 'stuck' : 'waiting';
}

function stateOf(facts, done) {
  if (done) {
    return 'handled';
  }
  if (facts.decision === 'abstain') {
    return 'abstained';
  }
  return written(facts).length > 0 || deliveryOf(facts, done) ? 'applied' : 'suggestion';
}

function markOf(name, facts, corrected, kept, coming) {
  if (written(facts).includes(name)) {
    return corrected[name] ? 'yours' : 'written';
  }
  if (corrected[name]) {
    return coming ? 'coming' : 'yours';
  }
  if (name in kept) {
    return 'kept';
  }
  return coming ? 'coming' : 'proposed';
}

function row(name, facts, corrected, kept, coming) {
  const value = corrected[name] || facts[name];
  const share = name === 'issue_type' ? facts.probability : facts.priority_probability;
  const hasShare = (name === 'issue_type' || name === 'priority') && isShare(share) && !corrected[name];
  return {
    name,
    title: NAMES[name],
    value: name === 'team' ? String(value) : spoken(value),
    share: hasShare ? share : null,
    mark: markOf(name, facts, corrected, kept, coming),
    instead: name in kept ? String(kept[name]) : '',
  };
}

function rows(facts, done) {
  const corrected = done ? done.fields : {};
  const kept = isObject(facts.kept) ? facts.kept : {};
  const coming = deliveryOf(facts, done) === 'waiting' && !(done && done.action === 'undo');
  return ['issue_type', 'category', 'priority', 'team']
    .filter((name) => corrected[name] || facts[name])
    // Which category follows from a corrected issue type is the service's to say.
    .filter((name) => !(name === 'category' && corrected.issue_type && !corrected.category))
    .map((name) => row(name, facts, corrected, kept, coming));
}

function top(facts) {
  return (Array.isArray(facts.top) ? facts.top : [])
    .filter((entry) => isObject(entry) && entry.issue_type && isShare(entry.probability))
    .slice(0, 3)
    .map((entry) => ({label: entry.issue_type, text: spoken(entry.issue_type), share: entry.probability}));
}

function actionsOf(facts, state, done) {
  if (Array.isArray(facts.actions)) {
    return facts.actions.filter((name) => HANDLED[name]);
  }
  if (done) {
    return done.action !== 'undo' && written(facts).length > 0 ? ['undo'] : [];
  }
  return ACTIONS[state];
}

function handledMessage(done, locale) {
  const when = moment(done.at, locale);
  return HANDLED[done.action] + (done.by ? ' by ' + done.by : '') + (when ? ', ' + when : '') + '.';
}

function messageOf(facts, state, done, locale) {
  const delivery = deliveryOf(facts, done);
  const start = done ? handledMessage(done, locale) + ' ' : '';
  if (delivery) {
    const undo = done && done.action === 'undo' ? 'undo' : 'write';
    return start + DELIVERY[delivery][undo];
  }
  if (done) {
    return start.trim();
  }
  if (state === 'abstained') {
    return 'Firstline leaves this ticket to you.';
  }
  if (state === 'applied') {
    const names = written(facts).map((name) => (NAMES[name] || name).toLowerCase());
    return 'Written into the ticket: ' + names.join(', ') + '.';
  }
  return 'Accept to write these values into the ticket.';
}

/** What may be chosen when correcting: the service's lists, else what the suggestion itself names. */
function choicesOf(facts) {
  const given = isObject(facts.choices) ? facts.choices : {};
  const guesses = {issue_type: top(facts).map((entry) => entry.label), priority: PRIORITIES, team: []};
  const choices = {};
  FIELDS.forEach((name) => {
    const listed = Array.isArray(given[name]) && given[name].length > 0 ? given[name] : guesses[name];
    const own = facts[name] ? [facts[name]] : [];
    choices[name] = {
      values: [...new Set([...own, ...listed].map(String))],
      open: !(Array.isArray(given[name]) && given[name].length > 0) && name !== 'priority',
    };
  });
  return choices;
}

function versionsOf(facts) {
  const parts = [['model', facts.bundle], ['policy', facts.policy]];
  return parts.filter(([, version]) => version).map((part) => part.join(' ')).join(' · ');
}

function failed(answer) {
  const [state, actions] = FAILURES[answer.kind] || ['broken', ['again']];
  return {
    state, title: TITLES[state], message: String(answer.message || 'Firstline gave no answer.'),
    facts: [], top: [], reason: '', actions, versions: '',
  };
}

/** The view while nothing is known. */
export function loading() {
  return {...failed({message: 'Asking Firstline about this ticket.'}), state: 'loading', title: TITLES.loading, actions: []};
}

/** The view for an answer of the backend: `{ok: true, suggestion}` or `{ok: false, kind, message}`. */
export function viewOf(answer, locale) {
  if (!isObject(answer) || answer.ok !== true) {
    return failed(isObject(answer) ? answer : {});
  }
  const facts = isObject(answer.suggestion) ? flat(answer.suggestion) : {};
  if (!facts.issue_type || !facts.decision) {
    return failed({kind: 'unknown', message: 'Firstline has not decided on this ticket yet.'});
  }
  const done = handling(facts);
  const state = stateOf(facts, done);
  return {
    state,
    title: TITLES[state],
    message: messageOf(facts, state, done, locale),
    facts: state === 'abstained' ? [] : rows(facts, done),
    top: top(facts),
    reason: String(facts.reason || ''),
    waiting: deliveryOf(facts, done) === 'waiting',
    actions: actionsOf(facts, state, done),
    current: Object.fromEntries(FIELDS.map((name) => [name, facts[name] || ''])),
    blank: state === 'abstained',
    choices: choicesOf(facts),
    versions: versionsOf(facts),
  };
}

/** An answer for what the host threw: YouTrack itself refused, or the network did. */
export function answerOf(error) {
  const status = Number(error && (error.status || (error.response && error.response.status))) || 0;
  const data = error && isObject(error.data) ? error.data : {};
  if (data.ok === false && data.message) {
    return data;
  }
  if (status === 401 || status === 403) {
    return {ok: false, kind: 'forbidden', message: 'Your YouTrack account may not update this ticket.'};
  }
  if (status === 404) {
    return {ok: false, kind: 'unconfigured', message: 'The Firstline app is not active in this project.'};
  }
  return {ok: false, kind: 'unreachable', message: 'YouTrack did not answer. You can safely try again: nothing is done twice.'};
}

/** What differs from the suggestion: the fields to send with `edit`. Empty values are left out. */
export function corrections(view, values) {
  const fields = {};
  FIELDS.forEach((name) => {
    const value = String(values[name] || '').trim();
    if (value && (view.blank || value !== view.current[name])) {
      fields[name] = value;
    }
  });
  return fields;
}

/** Milliseconds until looking again for what is still to come, or 0 to wait for the agent. */
export function pause(attempt) {
  return attempt < 5 ? 3000 * Math.pow(2, attempt) : 0;
}
