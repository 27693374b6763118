/**
 * A stand-in for YouTrack around the widget: injected before the widget's own script, as YouTrack does.
 *
 * The address says what happens: `?state=NAME` which answer comes, `&steps=a,b` what is pressed, in order
 * (`edit`, `save`, `name=value` fills a field, `Enter`/`Escape` are keys), `&theme=dark|light`. What the
 * widget asked for is noted in `data-calls` of the root element.
 */
(() => {
  const given = new URLSearchParams(location.search);
  let state = given.get('state') || 'suggestion';
  const page = document.documentElement;
  const calls = [];
  const decision = {
    id: 'PAY-17', issue_type: 'payslip_missing', category: 'payslip', priority: 'major', team: 'payroll-ops',
    probability: 0.684, priority_probability: 0.61, decision: 'suggest', priority_decision: 'suggest',
    top: [
      {issue_type: 'payslip_missing', probability: 0.684}, {issue_type: 'portal_login', probability: 0.213},
      {issue_type: 'bank_details_change', probability: 0.041},
    ],
    reason: '68 % sure that this is the issue type; writing it alone needs 87 %.',
    bundle: '5f0c1d2e3a4b', policy: '9a8b7c6d5e4f', written: [], kept: {}, feedback: null,
    choices: {
      issue_type: ['payslip_missing', 'portal_login', 'bank_details_change', 'tax_form', 'out_of_scope'],
      priority: ['critical', 'major', 'normal', 'minor'], team: ['payroll-ops', 'client-success', 'it-access'],
    },
  };
  const applied = {
    ...decision, decision: 'apply', probability: 0.962, written: ['issue_type', 'category', 'team'], kept: {priority: 'Minor'},
    reason: '96 % sure; of 214 reviewed tickets at least as sure as needed 4 were wrong, so at most 7 % of such '
      + 'answers are wrong (80 % confidence).',
    top: [
      {issue_type: 'payslip_missing', probability: 0.962}, {issue_type: 'portal_login', probability: 0.02},
      {issue_type: 'bank_details_change', probability: 0.003},
    ],
  };
  const at = '2026-11-25T12:04:00Z';
  const by = 'kim';
  const seen = (suggestion) => ({ok: true, suggestion});
  const ANSWERS = {
    suggestion: seen(decision),
    applied: seen(applied),
    abstained: seen({
      ...decision, decision: 'abstain', probability: 0.22,
      reason: 'The text is unlike anything the model has learned from, so its percentages cannot be trusted; a '
        + 'person should read it.',
      top: [
        {issue_type: 'portal_login', probability: 0.22}, {issue_type: 'tax_form', probability: 0.19},
        {issue_type: 'payslip_missing', probability: 0.12},
      ],
    }),
    handled: seen({...applied, feedback: {action: 'accept', actor: 'tracker:' + by, at}}),
    corrected: seen({...decision, written: ['issue_type'], feedback: {action: 'edit', by, at, fields: {issue_type: 'tax_form'}}}),
    hostile: seen({
      ...decision, issue_type: '<img src=x onerror=alert(1)>', reason: '<script>document.title="owned"</script>'.repeat(9),
    }),
    open: seen({...decision, choices: undefined}),
    none: {ok: false, kind: 'unknown', message: 'Firstline does not know this ticket yet. New tickets take a few seconds.'},
    unreachable: {
      ok: false, kind: 'unreachable',
      message: 'YouTrack got no answer from Firstline. You can safely try again: nothing is done twice.',
    },
    forbidden: {ok: false, kind: 'forbidden', message: 'Only members of the project team can use Firstline here.'},
    broken: {
      ok: false, kind: 'unconfigured', message: 'The Firstline app is not configured: service URL or API key is missing.',
    },
  };

  function outcome(action, fields) {
    if (given.get('fail') === 'once' && calls.filter((call) => call.method === 'POST').length === 1) {
      return {ok: false, kind: 'unreachable', message: 'YouTrack got no answer from Firstline.'};
    }
    if (given.get('fail') === 'stale') {
      state = 'handled'; // somebody else was faster
      return {ok: false, kind: 'stale', message: 'It was accepted already.'};
    }
    if (action === 'undo') {
      return seen({...applied, undone_at: at, undone_by: 'tracker:' + by});
    }
    const stands = action === 'dismiss' ? [] : ['issue_type', 'category', 'team'];
    if (given.get('slow')) {
      return seen({...decision, delivery: 'new', actions: ['edit', 'undo'], feedback: {action, by, at, fields}});
    }
    return seen({...decision, written: stands, feedback: {action, actor: 'tracker:' + by, at, fields}});
  }

  function answerTo(path, parameters) {
    if (parameters.method === 'POST') {
      return outcome(path.split('/').pop(), parameters.body.fields);
    }
    if (state === 'denied') {
      throw Object.assign(new Error('Forbidden'), {status: 403});
    }
    if (calls.some((call) => call.method === 'POST') && state !== 'handled') {
      return seen({...decision, written: ['issue_type'], delivery: 'done', feedback: {action: 'accept', by, at, fields: {}}});
    }
    const looks = calls.filter((call) => call.method === 'GET').length;
    return state === 'late' ? ANSWERS[looks > 2 ? 'suggestion' : 'none'] : ANSWERS[state];
  }

  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const host = {
    async fetchApp(path, parameters) {
      calls.push({path, method: parameters.method, scope: parameters.scope, body: parameters.body});
      page.dataset.calls = JSON.stringify(calls);
      await wait(state === 'loading' ? 1e9 : 20);
      return answerTo(path, parameters);
    },
  };
  globalThis.YTApp = {locale: 'en-GB', entity: {id: 'PAY-17', type: 'ticket'}, register: async () => host};

  function press(step) {
    const [name, value] = step.split('=');
    if (value !== undefined) {
      document.querySelector('[name="' + name + '"]').value = value;
    } else if (name === 'Enter' || name === 'Escape') {
      document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: name, bubbles: true, cancelable: true}));
    } else {
      document.querySelector('[data-action="' + name + '"]').click();
    }
  }

  async function play() {
    for (const step of (given.get('steps') || '').split(',').filter(Boolean)) {
      await wait(100);
      press(step);
    }
    await wait(100);
    const focus = document.activeElement;
    page.dataset.focus = focus.id || focus.dataset.action || focus.tagName;
    page.dataset.width = String(page.scrollWidth - page.clientWidth);
  }

  if (given.get('theme')) {
    page.classList.add('ring-ui-theme-' + given.get('theme'));
    page.style.background = given.get('theme') === 'dark' ? '#1e2429' : '#fff';
    page.style.padding = '12px';
  }
  addEventListener('load', play);
})();
