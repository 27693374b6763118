/**
 * Telling Firstline that a ticket changed: ids only, signed as Standard Webhooks describes.
 *
 * An event is a hint. Firstline re-reads the ticket over REST and finds by polling what it was not told,
 * so nothing is retried here and nothing may ever fail a user's change.
 */

const http = require('@jetbrains/youtrack-scripting-api/http');
const {base64, hmac, keyBytes, selfTest, utf8} = require('./hmac');

const PATH = '/v1/events/youtrack';
const TIMEOUT_MS = 5000;
const SHORTEST_KEY = 32;
const KNOWN = 409;
const COMPUTES_RIGHT = selfTest();

function anyOf(set) {
  return Boolean(set) && set.isNotEmpty();
}

/** What happened to the issue in this transaction, as words without content. */
function kindsOf(issue) {
  const comments = issue.comments;
  const kinds = {
    created: issue.becomesReported,
    resolved: issue.becomesResolved,
    reopened: issue.becomesUnresolved,
    commented: anyOf(comments && comments.added),
    comment_edited: anyOf(issue.editedComments),
    comment_removed: anyOf(comments && comments.removed),
  };
  const happened = {};
  Object.keys(kinds).forEach((kind) => {
    if (kinds[kind] === true) {
      happened[kind] = true;
    }
  });
  return Object.keys(happened).length > 0 ? happened : {updated: true};
}

/** The event as text. `at` in epoch milliseconds. */
function bodyOf(issue, kinds, at) {
  return JSON.stringify({v: 1, issue: issue.id, project: issue.project.key, at, kinds});
}

function eventId(issue, at) {
  const chance = Math.floor(Math.random() * 4294967296).toString(36);
  return 'evt_' + issue.id + '_' + at.toString(36) + '_' + chance;
}

/** The headers that go with a body. `seconds`: epoch seconds of sending. */
function headersFor(secret, keyId, id, seconds, body) {
  const signature = base64(hmac(keyBytes(secret), utf8(id + '.' + seconds + '.' + body)));
  const headers = {
    'Content-Type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': 'v1,' + signature,
  };
  if (keyId) {
    headers['X-Firstline-Key'] = keyId;
  }
  return headers;
}

/** Why nothing can be sent, or an empty text. */
function obstacle(settings) {
  if (!COMPUTES_RIGHT) {
    return 'this YouTrack computes SHA-256 wrongly; please report it';
  }
  if (!settings.serviceUrl) {
    return 'the setting "Service URL" is empty';
  }
  if (!settings.signingKey || settings.signingKey.length < SHORTEST_KEY || settings.signingKey === 'secret') {
    return 'the setting "Signing key" must have at least ' + SHORTEST_KEY + ' characters';
  }
  return '';
}

/** Whether this change is to be announced. Never throws. */
function wanted(ctx) {
  try {
    if (ctx.settings.sendEvents === false) {
      return false;
    }
    const own = ctx.settings.serviceLogin;
    if (own && ctx.currentUser && ctx.currentUser.login === own) {
      return false; // Firstline's own writing would only wake it again
    }
    return ctx.issue.isReported === true || ctx.issue.becomesReported === true || ctx.issue.becomesRemoved === true;
  } catch (error) {
    console.error('firstline: guard failed: ' + error.message);
    return false;
  }
}

/** Schedule the event; it leaves after the transaction was committed. Never throws. */
function announce(ctx, kinds) {
  try {
    const why = obstacle(ctx.settings);
    if (why) {
      console.error('firstline: event not sent: ' + why);
      return;
    }
    const at = Date.now();
    const body = bodyOf(ctx.issue, kinds, at);
    const headers = headersFor(
      ctx.settings.signingKey, ctx.settings.keyId, eventId(ctx.issue, at), Math.floor(at / 1000), body
    );
    const connection = new http.Connection(ctx.settings.serviceUrl.replace(/\/+$/, ''), null, TIMEOUT_MS);
    Object.keys(headers).forEach((name) => connection.addHeader(name, headers[name]));
    connection.postAsync(PATH, null, body, 'afterSending');
  } catch (error) {
    console.error('firstline: event not sent: ' + error.message);
  }
}

/**
 * Note what the service said. A lost event is found by polling, so it is not sent again. "Known already"
 * means that it arrived: something on the way sent it twice.
 */
function afterSending(ctx) {
  try {
    const response = ctx.response;
    if (!response || !(response.isSuccess || response.code === KNOWN)) {
      console.warn('firstline: event not accepted: ' + (response && response.code ? response.code : 'no answer'));
    }
  } catch (error) {
    console.warn('firstline: answer not readable: ' + error.message);
  }
}

module.exports = {afterSending, announce, bodyOf, headersFor, kindsOf, obstacle, wanted};
