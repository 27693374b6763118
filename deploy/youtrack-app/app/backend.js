/**
 * What the widget asks and does, on behalf of the agent who looks at the ticket.
 *
 * The browser never sees the service's key: it talks to these endpoints only, YouTrack checks the ticket's
 * visibility and the permission, we check the project team, and the service gets the agent's login.
 */

const http = require('@jetbrains/youtrack-scripting-api/http');

const TIMEOUT_MS = 10000;
const ACTIONS = ['accept', 'edit', 'dismiss', 'undo'];
const OPERATION = /^[A-Za-z0-9_-]{8,64}$/;
const FIELDS = ['issue_type', 'priority', 'team'];
const LONGEST = 200;
// Whether a lost request took effect is not known; its operation key makes the second one harmless.
const AGAIN = 'You can safely try again: nothing is done twice.';

/** Whether the caller belongs to the team of the ticket's project; in doubt, not. */
function isTeamMember(ctx) {
  const team = ctx.issue.project.team;
  const user = ctx.currentUser;
  let found = false;
  if (team && team.users && user && user.login && user.login !== 'guest') {
    team.users.forEach((member) => {
      found = found || member.login === user.login;
    });
  }
  return found;
}

function answer(ctx, content) {
  ctx.response.code = 200;
  ctx.response.json(content);
}

/** `kind` tells the widget which page to show. The status stays 200: what a host makes of others is unknown. */
function failure(ctx, kind, message) {
  answer(ctx, {ok: false, kind, message});
}

function connectionTo(ctx) {
  const connection = new http.Connection(ctx.settings.serviceUrl.replace(/\/+$/, ''), null, TIMEOUT_MS);
  // The key is a secret setting: only these methods put in its value, anything else sees a mask.
  connection.bearerAuth(ctx.settings.apiKey);
  connection.addHeader('Accept', 'application/json');
  connection.addHeader('X-Firstline-Actor', encodeURIComponent(ctx.currentUser.login));
  return connection;
}

function pathOf(ctx, last) {
  return '/v1/tickets/' + encodeURIComponent(ctx.issue.id) + '/' + last;
}

function contentOf(response) {
  try {
    return JSON.parse(response.response);
  } catch (_error) {
    console.warn('firstline: no JSON from the service, status ' + response.code);
    return null;
  }
}

/** Say in words for the agent why the service did not do it. */
function refuse(ctx, code, content) {
  if (code === 404) {
    failure(ctx, 'unknown', 'Firstline does not know this ticket yet. New tickets take a few seconds.');
  } else if (code === 401 || code === 403) {
    console.error('firstline: the API key was refused with status ' + code);
    failure(ctx, 'refused', 'Firstline refused the API key of this app. Ask your YouTrack administrator.');
  } else if (content && content.detail && code < 500) {
    failure(ctx, code === 409 ? 'stale' : 'invalid', content.detail + (content.remedy ? ' ' + content.remedy : ''));
  } else {
    failure(ctx, 'failed', 'Firstline could not do this (status ' + code + '). ' + AGAIN);
  }
}

/** Hand the service's answer to the widget: its facts, or its words about what is wrong. */
function relay(ctx, response) {
  if (!response || !response.code) {
    console.warn('firstline: service not reachable');
    failure(ctx, 'unreachable', 'YouTrack got no answer from Firstline. ' + AGAIN);
    return;
  }
  const content = contentOf(response);
  if (response.code >= 200 && response.code < 300 && content) {
    answer(ctx, {ok: true, suggestion: content});
  } else {
    refuse(ctx, response.code, content);
  }
}

/** Run `work` for team members of a configured app; whatever happens, the widget gets an answer. */
function guarded(work) {
  return (ctx) => {
    try {
      if (!isTeamMember(ctx)) {
        failure(ctx, 'forbidden', 'Only members of the project team can use Firstline here.');
      } else if (!ctx.settings.serviceUrl || !ctx.settings.apiKey) {
        failure(ctx, 'unconfigured', 'The Firstline app is not configured: service URL or API key is missing.');
      } else {
        work(ctx);
      }
    } catch (error) {
      console.error('firstline: ' + ctx.request.path + ' failed: ' + error.message);
      failure(ctx, 'failed', 'Firstline could not do this. ' + AGAIN);
    }
  };
}

/** The part of the request that the service takes, checked here as well. */
function orderOf(request) {
  const given = request.json() || {};
  if (typeof given.operation !== 'string' || !OPERATION.test(given.operation)) {
    return null;
  }
  const fields = {};
  FIELDS.forEach((name) => {
    const value = given.fields && given.fields[name];
    if (typeof value === 'string' && value.length > 0 && value.length <= LONGEST) {
      fields[name] = value;
    }
  });
  return {operation: given.operation, fields};
}

function act(action) {
  return guarded((ctx) => {
    const order = orderOf(ctx.request);
    if (!order) {
      failure(ctx, 'invalid', 'The request lacks its operation key. Reload the ticket and try again.');
      return;
    }
    const connection = connectionTo(ctx);
    connection.addHeader('Content-Type', 'application/json');
    connection.addHeader('Idempotency-Key', order.operation);
    const body = action === 'edit' ? {fields: order.fields} : {};
    relay(ctx, connection.postSync(pathOf(ctx, action), null, JSON.stringify(body)));
  });
}

const look = guarded((ctx) => relay(ctx, connectionTo(ctx).getSync(pathOf(ctx, 'suggestion'), null)));

exports.httpHandler = {
  endpoints: [
    {scope: 'issue', method: 'GET', path: 'suggestion', permissions: ['UPDATE_ISSUE'], handle: look},
    ...ACTIONS.map((action) => (
      {scope: 'issue', method: 'POST', path: action, permissions: ['UPDATE_ISSUE'], handle: act(action)}
    )),
  ],
};
