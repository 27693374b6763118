// Ordinary work with the npm package `youtrack-rest-client`.
const [url, token, project, modules] = process.argv.slice(2);
const { Youtrack } = require(modules + '/youtrack-rest-client');

const client = new Youtrack({ baseUrl: url, token });

async function say(operation, call, check = () => true) {
  let error = null;
  let found;
  try {
    found = await call();
    if (!check(found)) error = `unexpected answer: ${JSON.stringify(found)}`.slice(0, 600);
  } catch (wrong) {
    error = `${wrong.message} ${JSON.stringify(wrong.response ? wrong.response.data : '')}`.slice(0, 600);
  }
  console.log(JSON.stringify({ operation, error }));
  return found;
}

(async () => {
  await say('me', () => client.users.current(), (u) => u.login === 'svc-firstline');
  await say('users', () => client.users.all({ $top: 5 }), (u) => u.length === 5);
  await say('user', () => client.users.byId('svc-firstline'), (u) => u.login === 'svc-firstline');
  await say('projects', () => client.projects.all(), (p) => p.some((x) => x.shortName === 'DEMO'));
  await say('project', () => client.projects.byId(project), (p) => p.shortName === 'DEMO');
  await say('work item types', () => client.projects.getWorkItemTypes(project), (t) => Array.isArray(t));
  const made = await say(
    'create',
    () => client.issues.create({ project: { id: project }, summary: 'Made by rest-client', description: 'x' }),
    (i) => Boolean(i.id),
  );
  await say('get', () => client.issues.byId(made.id), (i) => i.summary === 'Made by rest-client');
  await say(
    'search',
    () => client.issues.search('project: DEMO summary: rest-client', { $top: 10 }),
    (found) => found.some((i) => i.id === made.id),
  );
  await say('update', () => client.issues.update({ id: made.id, summary: 'Changed' }), (i) => i.summary === 'Changed');
  await say('command', () => client.issues.executeCommand({ query: 'State Fixed', issues: [{ id: made.id }] }));
  await say(
    'command was applied',
    () => client.issues.byId(made.id),
    (i) => i.fields.some((f) => f.name === 'State' && f.value.name === 'Fixed'),
  );
  const comment = await say('add comment', () => client.comments.create(made.id, { text: 'One' }), (c) => c.text === 'One');
  await say('edit comment', () => client.comments.update(made.id, { id: comment.id, text: 'Two' }), (c) => c.text === 'Two');
  await say('list comments', () => client.comments.all(made.id), (c) => c.length === 1);
  await say('delete comment', () => client.comments.delete(made.id, comment.id));
  await say('tags', () => client.tags.all(), (t) => t.length > 0);
  const work = await say(
    'log work',
    () => client.workItems.create(made.id, { duration: { presentation: '1h 30m' }, text: 'Looked' }),
    (w) => w.duration.minutes === 90,
  );
  await say(
    'edit work',
    () => client.workItems.update(made.id, { id: work.id, duration: { minutes: 30 } }),
    (w) => w.duration.minutes === 30,
  );
  await say('list work', () => client.workItems.all(made.id), (w) => w.length === 1);
  await say('delete work', () => client.workItems.delete(made.id, work.id));
  const boards = await say('boards', () => client.agiles.all(), (b) => b.length > 0);
  await say('board', () => client.agiles.byId(boards[0].id), (b) => b.id === boards[0].id);
  await say('sprints', () => client.sprints.all(boards[0].id), (s) => s.length > 0);
  await say('delete', () => client.issues.delete(made.id));
})();
