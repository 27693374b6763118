/** The handler behind the widget, with YouTrack's modules replaced by ones that take notes. */
import assert from 'node:assert/strict';
import Module, {createRequire} from 'node:module';
import test from 'node:test';

const KEY = 'fl_the-key-that-must-not-leave';
const calls = [];
let reply = {code: 200, response: '{"issue_type": "payslip_missing"}'};

class Connection {
  constructor(url, ssl, timeout) {
    this.call = {url, timeout, headers: {}};
  }

  addHeader(name, value) {
    this.call.headers[name] = value;
  }

  bearerAuth(token) {
    this.call.headers.Authorization = 'Bearer ' + token;
  }

  send(method, path, body) {
    calls.push({...this.call, method, path, body});
    if (reply instanceof Error) {
      throw reply;
    }
    return reply;
  }

  getSync(path) {
    return this.send('GET', path);
  }

  postSync(path, _query, body) {
    return this.send('POST', path, body);
  }
}

const load = Module._load;
Module._load = (name, ...rest) => (
  name === '@jetbrains/youtrack-scripting-api/http' ? {Connection} : load(name, ...rest)
);
const {endpoints} = createRequire(import.meta.url)('../app/backend.js').httpHandler;
const logged = [];
console.warn = console.error = (line) => logged.push(String(line));

function ask(path, {login = 'kim', body = {}, settings = {}, team, issue} = {}) {
  calls.length = 0;
  logged.length = 0;
  const found = {};
  const endpoint = endpoints.find((each) => each.path === path);
  endpoint.handle({
    currentUser: {login},
    issue: issue === undefined
      ? {id: 'PAY-17', project: {team: team === undefined ? {users: [{login: 'kim'}, {login: 'å b'}]} : team}}
      : issue,
    settings: {serviceUrl: 'https://firstline.example//', apiKey: KEY, ...settings},
    request: {path, json: () => body},
    response: {json: (content) => Object.assign(found, content)},
  });
  assert.ok(!JSON.stringify(found).includes(KEY), 'the key reached the browser');
  assert.ok(!logged.join().includes(KEY), 'the key reached the log');
  return found;
}

test('every endpoint belongs to the ticket and asks for the permission to update it', () => {
  assert.deepEqual(endpoints.map((each) => each.method + ' ' + each.path), [
    'GET suggestion', 'POST accept', 'POST edit', 'POST dismiss', 'POST undo',
  ]);
  endpoints.forEach((each) => {
    assert.equal(each.scope, 'issue');
    assert.deepEqual(each.permissions, ['UPDATE_ISSUE']);
  });
});

test('a look is one GET with the key and the login, and only its facts come back', () => {
  reply = {code: 200, response: '{"issue_type": "payslip_missing"}'};
  assert.deepEqual(ask('suggestion', {login: 'å b'}), {ok: true, suggestion: {issue_type: 'payslip_missing'}});
  const [call] = calls;
  assert.equal(calls.length, 1);
  assert.deepEqual([call.method, call.url + call.path], ['GET', 'https://firstline.example/v1/tickets/PAY-17/suggestion']);
  assert.equal(call.headers.Authorization, 'Bearer ' + KEY);
  assert.equal(call.headers['X-Firstline-Actor'], '%C3%A5%20b');
  assert.ok(call.timeout > 0 && call.timeout <= 15000);
});

test('an action carries its operation key; only an edit carries fields, and only ours', () => {
  const body = {
    operation: 'op_0123456789ab',
    fields: {issue_type: 'tax_form', priority: '', team: 'x'.repeat(201), state: 'Fixed', category: 'tax'},
  };
  for (const action of ['accept', 'dismiss', 'undo']) {
    assert.equal(ask(action, {body}).ok, true);
    assert.equal(calls[0].path, '/v1/tickets/PAY-17/' + action);
    assert.equal(calls[0].headers['Idempotency-Key'], body.operation);
    assert.deepEqual(JSON.parse(calls[0].body), {});
  }
  ask('edit', {body});
  assert.deepEqual(JSON.parse(calls[0].body), {fields: {issue_type: 'tax_form'}});
});

test('a ticket id cannot change the path', () => {
  const issue = {id: '../keys?x=', project: {team: {users: [{login: 'kim'}]}}};
  ask('suggestion', {issue});
  assert.equal(calls[0].path, '/v1/tickets/..%2Fkeys%3Fx%3D/suggestion');
});

test('without a good operation key nothing is sent', () => {
  for (const operation of [undefined, 7, 'short', 'a'.repeat(65), 'with space 1', 'x\r\nX-Evil: 1']) {
    assert.equal(ask('accept', {body: {operation}}).kind, 'invalid');
    assert.equal(calls.length, 0);
  }
  assert.equal(ask('accept', {body: null}).kind, 'invalid');
});

test('nobody outside the team gets through, whatever they press', () => {
  const outsiders = [
    {login: 'stranger'}, {login: 'guest', team: {users: [{login: 'guest'}]}}, {login: ''}, {team: null}, {team: {}},
  ];
  for (const who of outsiders) {
    for (const {path} of endpoints) {
      const found = ask(path, {...who, body: {operation: 'op_0123456789ab'}});
      assert.equal(found.ok, false);
      assert.equal(found.kind, 'forbidden');
      assert.equal(calls.length, 0);
    }
  }
});

test('an app without its settings says so and calls nobody', () => {
  for (const settings of [{serviceUrl: ''}, {apiKey: undefined}]) {
    assert.equal(ask('suggestion', {settings}).kind, 'unconfigured');
    assert.equal(calls.length, 0);
  }
});

test('whatever the service answers becomes one kind and one message', () => {
  const cases = [
    [{code: 404, response: '{"detail": "inside"}'}, 'unknown'],
    [{code: 401, response: ''}, 'refused'],
    [{code: 403, response: ''}, 'refused'],
    [{code: 409, response: '{"detail": "Already dismissed.", "remedy": "Reload."}'}, 'stale'],
    [{code: 422, response: '{"detail": "Not possible: `team`."}'}, 'invalid'],
    [{code: 500, response: '{"detail": "inside"}'}, 'failed'],
    [{code: 200, response: 'not json'}, 'failed'],
    [{exception: 'refused'}, 'unreachable'],
    [null, 'unreachable'],
    [new Error('reset'), 'failed'],
  ];
  for (const [answer, kind] of cases) {
    reply = answer;
    const found = ask('accept', {body: {operation: 'op_0123456789ab'}});
    assert.equal(found.ok, false);
    assert.equal(found.kind, kind);
    assert.ok(found.message.length > 10 && !found.message.includes('inside'));
  }
  reply = {code: 409, response: '{"detail": "Already dismissed.", "remedy": "Reload."}'};
  assert.equal(ask('accept', {body: {operation: 'op_0123456789ab'}}).message, 'Already dismissed. Reload.');
});

test('a broken context is answered as well', () => {
  assert.equal(ask('suggestion', {issue: null}).kind, 'failed');
});
