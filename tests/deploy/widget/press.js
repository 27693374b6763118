/**
 * One press in the widget, without a browser: stdin has `{base, key, login, path, body}`; the answer and the view
 * it gives are printed. YouTrack's connection is replaced by one that asks the real service.
 */
const {execFileSync} = require('node:child_process');
const {readFileSync} = require('node:fs');
const Module = require('node:module');
const {join} = require('node:path');

const APP = join(__dirname, '..', '..', '..', 'deploy', 'youtrack-app', 'app');
// The scripting API is synchronous; Node's own client is not, so it runs in a process of its own.
const ASK = `
  const {url, ...rest} = JSON.parse(process.argv[1]);
  fetch(url, rest).then(async (r) => console.log(JSON.stringify({code: r.status, response: await r.text()})));
`;

class Connection {
  constructor(url) {
    this.base = url;
    this.headers = {};
  }

  addHeader(name, value) {
    this.headers[name] = value;
  }

  bearerAuth(token) {
    this.headers.Authorization = 'Bearer ' + token;
  }

  ask(method, path, body) {
    const request = JSON.stringify({url: this.base + path, method, headers: this.headers, body});
    try {
      return JSON.parse(execFileSync(process.execPath, ['-e', ASK, request], {stdio: ['ignore', 'pipe', 'ignore']}));
    } catch (error) {
      return {exception: error};
    }
  }

  getSync(path) {
    return this.ask('GET', path);
  }

  postSync(path, _query, body) {
    return this.ask('POST', path, body);
  }
}

const load = Module._load;
Module._load = (name, ...rest) => (name.startsWith('@jetbrains/') ? {Connection} : load(name, ...rest));
console.warn = console.error = () => {};
const given = JSON.parse(readFileSync(0, 'utf8'));
const {endpoints} = require(join(APP, 'backend.js')).httpHandler;
let answer = null;
endpoints.find((each) => each.path === given.path).handle({
  currentUser: {login: given.login},
  issue: {id: given.ticket, project: {team: {users: [{login: 'kim'}]}}},
  settings: {serviceUrl: given.base, apiKey: given.key},
  request: {path: given.path, json: () => given.body},
  response: {json: (content) => {
    answer = content;
  }},
});
const source = readFileSync(join(APP, 'widgets', 'suggestion', 'model.js')).toString('base64');
import('data:text/javascript;base64,' + source).then(({viewOf}) => {
  console.log(JSON.stringify({answer, view: viewOf(answer, 'en-GB')}));
});
