/** The widget's decisions about what to show, without a browser. */
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';

const source = readFileSync(new URL('../app/widgets/suggestion/model.js', import.meta.url));
const model = await import('data:text/javascript;base64,' + source.toString('base64'));
const {answerOf, corrections, loading, moment, operationKey, pause, percent, spoken, sureness, viewOf} = model;

const DECISION = {
  id: 'PAY-17', issue_type: 'payslip_missing', category: 'payslip', priority: 'major', team: 'payroll-ops',
  probability: 0.924, priority_probability: 0.7, decision: 'suggest', priority_decision: 'suggest',
  top: [
    {issue_type: 'payslip_missing', probability: 0.924}, {issue_type: 'portal_login', probability: 0.05},
    {issue_type: 'tax_form', probability: 0.004}, {issue_type: 'fourth', probability: 0.001},
  ],
  reason: '92 % sure.', bundle: 'b1', policy: 'p1',
};
const view = (over) => viewOf({ok: true, suggestion: {...DECISION, ...over}}, 'en-GB');

test('percentages never claim certainty that is not there', () => {
  const cases = [[0, '0 %'], [0.004, 'under 1 %'], [0.005, '1 %'], [0.924, '92 %'], [0.994, '99 %'], [0.995, 'over 99 %'], [1, '100 %']];
  cases.forEach(([share, text]) => assert.equal(percent(share), text));
});

test('surer is never said to be less sure', () => {
  const words = ['a guess', 'unsure', 'fairly sure', 'sure', 'very sure'];
  let last = 0;
  for (let share = 0; share <= 1; share += 0.001) {
    const now = words.indexOf(sureness(share));
    assert.ok(now >= last);
    last = now;
  }
  assert.equal(last, 4);
});

test('a suggestion offers everything and says what accepting does', () => {
  const found = view({});
  assert.equal(found.state, 'suggestion');
  assert.deepEqual(found.actions, ['accept', 'edit', 'dismiss']);
  assert.match(found.message, /^Accept to write/);
  assert.deepEqual(found.facts.map((row) => [row.name, row.value, row.mark]), [
    ['issue_type', 'Payslip missing', 'proposed'], ['category', 'Payslip', 'proposed'],
    ['priority', 'Major', 'proposed'], ['team', 'payroll-ops', 'proposed'],
  ]);
  assert.equal(found.top.length, 3);
  assert.equal(found.reason, DECISION.reason);
});

test('applied is what stands in the ticket, and only that counts as written', () => {
  const found = view({decision: 'apply', written: ['issue_type', 'category', 'team'], kept: {priority: 'Minor'}});
  assert.equal(found.state, 'applied');
  assert.deepEqual(found.actions, ['accept', 'edit', 'undo']);
  assert.equal(found.message, 'Written into the ticket: issue type, category, team.');
  const priority = found.facts.find((row) => row.name === 'priority');
  assert.deepEqual([priority.mark, priority.instead], ['kept', 'Minor']);
  // Delivered, but a person had filled everything: nothing of ours stands there.
  assert.equal(view({decision: 'apply', written: [], delivery: 'done'}).state, 'suggestion');
});

test('what is not in the ticket yet is said to be on its way, and looked at again', () => {
  const feedback = (action) => ({feedback: {action, actor: 'tracker:kim'}});
  const cases = [
    [{decision: 'apply', delivery: 'new'}, 'applied', 'Being written into the ticket.', true, 'coming'],
    [{...feedback('accept'), delivery: 'new'}, 'handled', 'Accepted by kim. Being written into the ticket.', true, 'coming'],
    [{...feedback('undo'), delivery: 'busy'}, 'handled', 'Undone by kim. Being put back as it was.', true, 'proposed'],
    [{...feedback('accept'), delivery: 'done', written: ['team']}, 'handled', 'Accepted by kim.', false, 'proposed'],
    [{...feedback('dismiss'), delivery: 'new'}, 'handled', 'Dismissed by kim.', false, 'proposed'],
    [{delivery: 'new'}, 'suggestion', 'Accept to write these values into the ticket.', false, 'proposed'],
  ];
  for (const [over, state, message, waiting, mark] of cases) {
    const found = view(over);
    assert.deepEqual([found.state, found.message, found.waiting, found.facts[0].mark], [state, message, waiting, mark]);
  }
  const stuck = view({...feedback('edit'), delivery: 'dead'});
  assert.match(stuck.message, /could not be written/);
  assert.equal(stuck.waiting, false);
  assert.match(view({undone_at: 'x', undone_by: 'key:k1', delivery: 'dead'}).message, /^Undone by another program\. .*put back/);
});

test('an abstention proposes no values and preselects none', () => {
  const found = view({decision: 'abstain', reason: 'Too short.'});
  assert.equal(found.state, 'abstained');
  assert.deepEqual(found.facts, []);
  assert.equal(found.reason, 'Too short.');
  assert.deepEqual(found.actions, ['edit', 'dismiss']);
  // Choosing what was the best guess is a correction too, because nothing was proposed.
  assert.deepEqual(corrections(found, {issue_type: 'payslip_missing', priority: ''}), {issue_type: 'payslip_missing'});
});

test('what was handled says by whom, and can be undone only where something is written', () => {
  const at = '2026-11-25T12:00:00Z';
  const cases = [
    [{feedback: {action: 'accept', actor: 'tracker:kim', at}, written: ['team']}, /^Accepted by kim, 25 Nov/, ['undo']],
    [{feedback: {action: 'dismissed', by: 'kim'}}, /^Dismissed by kim\.$/, []],
    [{feedback: {action: 'edit', at: 'never'}, written: ['team']}, /^Corrected\.$/, ['undo']],
    [{undone_at: at, undone_by: 'tracker:o:k', written: ['team']}, /^Undone by o:k, /, []],
  ];
  for (const [over, message, actions] of cases) {
    const found = view(over);
    assert.equal(found.state, 'handled');
    assert.match(found.message, message);
    assert.deepEqual(found.actions, actions);
  }
  const edited = view({feedback: {action: 'edit', by: 'kim', fields: {issue_type: 'tax_form'}}});
  assert.deepEqual(edited.facts.map((row) => [row.name, row.value, row.share]), [
    ['issue_type', 'Tax form', null], ['priority', 'Major', 0.7], ['team', 'payroll-ops', null],
  ]);
});

test('a nested decision reads like a flat one, and the service may say which buttons fit', () => {
  const found = viewOf({ok: true, suggestion: {decision: DECISION, written: [], actions: ['dismiss', 'format_disk', 'toString']}});
  assert.equal(found.state, 'suggestion');
  assert.deepEqual(found.actions, ['dismiss']);
});

test('every failure has its state, a message and a way on where there is one', () => {
  const cases = [
    [{ok: false, kind: 'unknown', message: 'm'}, 'none', ['again']],
    [{ok: false, kind: 'unreachable', message: 'm'}, 'unreachable', ['again']],
    [{ok: false, kind: 'forbidden', message: 'm'}, 'forbidden', []],
    [{ok: false, kind: 'refused', message: 'm'}, 'broken', ['again']],
    [{ok: false, kind: 'toString', message: 'm'}, 'broken', ['again']],
    [{ok: true}, 'none', ['again']], [{ok: true, suggestion: {}}, 'none', ['again']],
    [undefined, 'broken', ['again']], ['<html>', 'broken', ['again']], [[], 'broken', ['again']],
  ];
  for (const [answer, state, actions] of cases) {
    const found = viewOf(answer);
    assert.deepEqual([found.state, found.actions], [state, actions], JSON.stringify(answer));
    assert.ok(found.message && model.STATES.includes(found.state));
  }
  assert.equal(loading().state, 'loading');
});

test('hostile or half-made answers never throw', () => {
  const values = [null, undefined, 0, -1, NaN, '', 'x', [], {}, [null], {a: 1}, true];
  for (const name of [...Object.keys(DECISION), 'written', 'kept', 'feedback', 'actions', 'choices', 'undone_at']) {
    for (const value of values) {
      const found = view({[name]: value});
      assert.ok(model.STATES.includes(found.state), name + JSON.stringify(value));
    }
  }
});

test('what the host throws becomes an answer', () => {
  assert.equal(answerOf({status: 403}).kind, 'forbidden');
  assert.equal(answerOf({response: {status: 404}}).kind, 'unconfigured');
  assert.equal(answerOf({status: 500, data: {ok: false, kind: 'invalid', message: 'm'}}).kind, 'invalid');
  assert.equal(answerOf(new TypeError('Failed to fetch')).kind, 'unreachable');
  assert.equal(answerOf(undefined).kind, 'unreachable');
});

test('an edit sends what differs from the suggestion', () => {
  const found = view({choices: {issue_type: ['a', 'b']}});
  assert.deepEqual(found.choices.issue_type, {values: ['payslip_missing', 'a', 'b'], open: false});
  assert.equal(found.choices.team.open, true);
  const same = {issue_type: 'payslip_missing', priority: 'major', team: ' payroll-ops '};
  assert.deepEqual(corrections(found, same), {});
  assert.deepEqual(corrections(found, {...same, team: ' tax ', priority: ''}), {team: 'tax'});
});

test('operation keys are what the backend takes, and differ', () => {
  let last = 0;
  const random = (count) => Uint8Array.from({length: count}, () => last++ % 256);
  const keys = Array.from({length: 20}, () => operationKey(random));
  keys.forEach((key) => assert.match(key, /^[A-Za-z0-9_-]{8,64}$/));
  assert.equal(new Set(keys).size, 20);
});

test('looking again pauses longer each time and ends', () => {
  const pauses = [0, 1, 2, 3, 4, 5].map(pause);
  assert.deepEqual(pauses, [3000, 6000, 12000, 24000, 48000, 0]);
});

test('words and times are made for people', () => {
  assert.equal(spoken('out_of_scope'), 'Out of scope');
  assert.equal(moment('no time', 'en'), '');
  assert.notEqual(moment('2026-11-25T12:00:00Z', 'not a locale!'), '');
});
