// Ordinary and administrators' work with the npm package `youtrack-client`: every noun of the REST API.
const [url, token, project, modules] = process.argv.slice(2);
const { YouTrack } = require(modules + '/youtrack-client');

const yt = YouTrack.client(url, token);
const nothing = {};

async function say(operation, call, check = () => true) {
  let error = null;
  let found;
  try {
    found = await call();
    if (!check(found)) error = `unexpected answer: ${JSON.stringify(found)}`.slice(0, 600);
  } catch (wrong) {
    error = String(wrong.message || wrong).slice(0, 600);
  }
  console.log(JSON.stringify({ operation, error }));
  return found || nothing;
}

const some = (list) => Array.isArray(list) && list.length > 0;
const named = (name) => (x) => x.name === name;

async function people() {
  await say('me', () => yt.Users.getCurrentUserProfile({ fields: ['login', 'fullName'] }), (u) => u.login === 'svc-firstline');
  await say('users', () => yt.Users.getUsers({ fields: 'id,login', $top: 5 }), (u) => u.length === 5);
  const me = await say('user', () => yt.Users.getUserProfile('svc-firstline', { fields: 'id,login' }), (u) => u.login === 'svc-firstline');
  await say('groups', () => yt.Groups.getUserGroups({ fields: 'id,name' }), some);
  for (const part of ['General', 'Notification', 'TimeTracking']) {
    await say(`${part} profile`, () => yt.Users[`getUser${part}Profile`](me.id), (p) => Boolean(p.id));
  }
  return me;
}

async function issues(me) {
  const fields = 'id,idReadable,summary,customFields(id,name,value(name,login))';
  const body = {
    project: { id: project },
    summary: 'Made by youtrack-client',
    description: 'Words',
    customFields: [{ name: 'Priority', $type: 'SingleEnumIssueCustomField', value: { name: 'Critical' } }],
  };
  const made = await say('create', () => yt.Issues.createIssue(body, { fields }), (i) => Boolean(i.idReadable));
  const other = await say('create another', () => yt.Issues.createIssue({ ...body, summary: 'The other' }, { fields }));
  await say('get', () => yt.Issues.getIssueById(made.idReadable, { fields }), (i) => i.id === made.id);
  await say('search', () => yt.Issues.getIssues({ fields, query: 'project: DEMO summary: youtrack-client', $top: 10 }), (l) => l.some((i) => i.id === made.id));
  await say('update', () => yt.Issues.updateIssue(made.id, { summary: 'Changed' }, { fields }), (i) => i.summary === 'Changed');
  const state = ((await say('fields', () => yt.Issues.getIssueCustomFields(made.id, { fields: 'id,name' }), some)).find(named('State')));
  await say('set state', () => yt.Issues.updateIssueCustomField(made.id, state.id, { $type: 'StateIssueCustomField', value: { name: 'In Progress' } }, { fields: 'name,value(name)' }), (f) => f.value.name === 'In Progress');
  await say('project of issue', () => yt.Issues.getIssueProject(made.id, { fields: 'shortName' }), (p) => p.shortName === 'DEMO');
  const categories = 'IssueCreatedCategory,SummaryCategory,CustomFieldCategory';
  const rows = await say('activities', () => yt.Issues.getIssueActivities(made.id, { fields: 'id,category(id)', categories }), (l) => l.length >= 3);
  await say('activity', () => yt.Issues.getIssueActivity(made.id, rows[0].id, { fields: 'id' }), (a) => a.id === rows[0].id);
  await say('activities page', () => yt.Issues.getActivitiesPage(made.id, { fields: 'activities(id),afterCursor,hasAfter', categories }), (p) => p.activities.length >= 3);
  await say('page of an activity', () => yt.Issues.getActivitiesPage(made.id, { fields: 'activities(id)', categories, activityId: rows[1].id }), (p) => p.activities.some((a) => a.id === rows[1].id));
  await say('all activities', () => yt.Activities.getActivitiesPage({ fields: 'activities(id)', categories, issueQuery: 'project: DEMO' }), (p) => some(p.activities));
  await say('command', () => yt.Commands.applyCommandToIssues({ query: 'State Fixed', issues: [{ id: made.id }] }, { fields: 'query' }));
  await say('suggestions', () => yt.Commands.getCommandSuggestions({ query: 'State ', issues: [{ id: made.id }] }, { fields: 'commands(error)' }));
  await say('search suggestions', () => yt.Search.getSearchSuggestions({ query: 'pro' }, { fields: 'suggestions(option)' }), (s) => s.suggestions.some((x) => x.option === 'project'));
  await about(made, other, me);
  await say('delete', () => yt.Issues.deleteIssue(other.id));
  return made;
}

async function about(made, other, me) {
  const comment = await say('comment', () => yt.IssueComments.createIssueComment(made.id, { text: 'One' }, { fields: 'id,text' }), (c) => c.text === 'One');
  await say('edit comment', () => yt.IssueComments.updateIssueComment(made.id, comment.id, { text: 'Two' }, { fields: 'text' }), (c) => c.text === 'Two');
  await say('comments', () => yt.IssueComments.getIssueComments(made.id, { fields: 'text' }), (l) => l.length === 1);
  await say('delete comment', () => yt.IssueComments.deleteIssueComment(made.id, comment.id));
  const types = await say('link types', () => yt.IssueLinkTypes.getIssueLinkTypes({ fields: 'id,name' }), some);
  const kind = types.find(named('Relates')).id;
  await say('link', () => yt.IssueLinks.linkIssue(made.id, kind, { id: other.id }, { fields: 'id' }), (i) => i.id === other.id);
  await say('links', () => yt.IssueLinks.getIssueLinks(made.id, { fields: 'id,issues(id)' }), (l) => l.some((k) => k.issues.some((i) => i.id === other.id)));
  await say('linked issues', () => yt.IssueLinks.getLinkedIssues(made.id, kind, { fields: 'id' }), some);
  await say('unlink', () => yt.IssueLinks.unlinkIssue(made.id, kind, other.id));
  const tag = await say('create tag', () => yt.Tags.createTag({ name: 'from youtrack-client' }, { fields: 'id,name' }), (t) => Boolean(t.id));
  await say('add tag', () => yt.IssueTags.addTagToIssue(made.id, { id: tag.id }, { fields: 'name' }));
  await say('tags of issue', () => yt.IssueTags.getIssueTags(made.id, { fields: 'name' }), some);
  await say('issues of tag', () => yt.Tags.getIssuesByTag(tag.id, { fields: 'id' }), (l) => l.some((i) => i.id === made.id));
  await say('tags of user', () => yt.Users.getUserTags(me.id, { fields: 'name' }), some);
  await say('remove tag', () => yt.Tags.deleteTag(tag.id));
  const file = new FormData();
  file.append('upload', new Blob(['hello']), 'note.txt');
  const files = await say('attach', () => fetch(`${url}/api/issues/${made.id}/attachments?fields=id,name`, { method: 'POST', headers: { Authorization: `Bearer ${token}` }, body: file }).then((r) => r.json()), some);
  await say('attachments', () => yt.IssueAttachments.getIssueAttachments(made.id, { fields: 'id,name' }), some);
  await say('rename attachment', () => yt.IssueAttachments.updateIssueAttachment(made.id, files[0].id, { name: 'other.txt' }, { fields: 'name' }), (a) => a.name === 'other.txt');
  await say('delete attachment', () => yt.IssueAttachments.deleteIssueAttachment(made.id, files[0].id));
  const work = await say('log work', () => yt.IssueTimeTracking.createIssueWorkItem(made.id, { duration: { minutes: 45 }, text: 'Looked' }, { fields: 'id,duration(minutes)' }), (w) => w.duration.minutes === 45);
  await say('work of issue', () => yt.IssueTimeTracking.getIssueWorkItems(made.id, { fields: 'id' }), some);
  await say('all work', () => yt.WorkItems.getWorkItems({ fields: 'id', query: 'project: DEMO' }), (l) => l.some((w) => w.id === work.id));
  await say('change of source', () => yt.IssueVcsChanges.getIssueVcsChanges(made.id, { fields: 'id' }), Array.isArray);
  const query = await say('save search', () => yt.SavedQueries.createSavedQuery({ name: 'mine', query: '#Unresolved' }, { fields: 'id,name' }), named('mine'));
  await say('saved searches', () => yt.SavedQueries.getSavedQueries({ fields: 'id,name' }), some);
  await say('drop search', () => yt.SavedQueries.deleteSavedQuery(query.id));
}

async function boards(issue) {
  const fields = 'id,name,sprints(id,name)';
  await say('boards', () => yt.Agiles.getAgiles({ fields }), some);
  const board = await say('create board', () => yt.Agiles.createAgile({ name: 'Mine', projects: [{ id: project }] }, { fields }), named('Mine'));
  await say('rename board', () => yt.Agiles.updateAgile(board.id, { name: 'Ours' }, { fields }), named('Ours'));
  const sprint = await say('create sprint', () => yt.Agiles.createAgileSprint(board.id, { name: 'Week 1', goal: 'All of it' }, { fields: 'id,name,goal' }), named('Week 1'));
  await say('sprints', () => yt.Agiles.getAgileSprints(board.id, { fields: 'id,name' }), (l) => l.length === 2);
  await say('change sprint', () => yt.Agiles.updateAgileSprint(board.id, sprint.id, { archived: true }, { fields: 'archived' }), (s) => s.archived);
  await say('sprints of issue', () => yt.Issues.getIssueSprints(issue.id, { fields: 'id' }), Array.isArray);
  await say('delete sprint', () => yt.Agiles.deleteAgileSprint(board.id, sprint.id));
  await say('delete board', () => yt.Agiles.deleteAgile(board.id));
}

async function articles() {
  const fields = 'id,idReadable,summary,content';
  const made = await say('create article', () => yt.Articles.createArticle({ project: { id: project }, summary: 'Toner', content: 'Shake it' }, { fields }), (a) => a.summary === 'Toner');
  await say('article', () => yt.Articles.getArticle(made.idReadable, { fields }), (a) => a.id === made.id);
  await say('articles', () => yt.Articles.getArticles({ fields, $top: 100 }), (l) => l.some((a) => a.id === made.id));
  await say('update article', () => yt.Articles.updateArticle(made.id, { content: 'Gently' }, { fields }), (a) => a.content === 'Gently');
  const child = await say('child article', () => yt.Articles.addChildArticle(made.id, { summary: 'Below', project: { id: project } }, { fields }), (a) => a.summary === 'Below');
  await say('children', () => yt.Articles.getChildArticles(made.id, { fields }), (l) => l.length === 1);
  await say('update child', () => yt.Articles.updateChildArticle(made.id, child.id, { summary: 'Beneath' }, { fields }), (a) => a.summary === 'Beneath');
  await say('parent', () => yt.Articles.getParentArticle(child.id, { fields: 'id' }), (a) => a.id === made.id);
  await say('let the child go', () => yt.Articles.removeChildArticleLink(made.id, child.id));
  const comment = await say('comment article', () => yt.Articles.createArticleComment(made.id, { text: 'Helped' }, { fields: 'id,text' }), (c) => c.text === 'Helped');
  await say('article comments', () => yt.Articles.getArticleComments(made.id, { fields: 'text' }), some);
  const reaction = await say('react', () => yt.Articles.createCommentReaction(made.id, comment.id, { reaction: 'thumbs-up' }, { fields: 'id,reaction' }), (r) => Boolean(r.id));
  await say('reactions', () => yt.Articles.getArticleCommentReactions(made.id, comment.id, { fields: 'reaction' }), some);
  await say('take back', () => yt.Articles.removeCommnetReaction(made.id, comment.id, reaction.id));
  await say('delete article', () => yt.Articles.deleteArticle(made.id));
}

async function settings(me) {
  const { Projects, EnumBundles, StateBundles, UserBundles, CustomFields, GlobalTimeTrackingSettings: Time } = yt.Admin;
  await say('projects', () => Projects.getProjects({ fields: 'id,shortName' }), (l) => l.some((p) => p.shortName === 'DEMO'));
  const fresh = await say('create project', () => Projects.createProject({ name: 'Made up', shortName: 'MADE', leader: { id: me.id } }, { fields: 'id,name,leader(login)' }), (p) => p.leader.login === me.login);
  await say('update project', () => Projects.updateProject(fresh.id, { description: 'For a test' }, { fields: 'description' }), (p) => p.description === 'For a test');
  await say('project fields', () => Projects.getProjectCustomFields(fresh.id, { fields: 'id,canBeEmpty,field(name)' }), some);
  await say('project issue', () => Projects.createProjectIssue(fresh.id, { summary: 'Inside' }, { fields: 'id,idReadable' }), (i) => i.idReadable === 'MADE-1');
  await say('project issues', () => Projects.getProjectIssues(fresh.id, { fields: 'id' }), (l) => l.length === 1);
  const bundle = await say('create bundle', () => EnumBundles.createEnumBundle({ name: 'Colours' }, { fields: 'id,name' }), named('Colours'));
  const value = await say('add value', () => EnumBundles.addEnumBundleValue(bundle.id, { name: 'Red' }, { fields: 'id,name' }), named('Red'));
  await say('rename value', () => EnumBundles.updateEnumBundleValue(bundle.id, value.id, { name: 'Blue' }, { fields: 'name' }), named('Blue'));
  await say('values', () => EnumBundles.getEnumBundleValues(bundle.id, { fields: 'name' }), (l) => l.length === 1);
  await say('bundles', () => EnumBundles.getEnumBundles({ fields: 'id,name,values(name)', $top: 100 }), (l) => l.some((b) => b.id === bundle.id));
  await say('state bundles', () => StateBundles.getStateBundles({ fields: 'id,values(name,isResolved)' }), (l) => l.some((b) => b.values.some((v) => v.isResolved)));
  const field = await say('create field', () => CustomFields.createCustomField({ name: 'Colour', fieldType: { id: 'enum[1]' } }, { fields: 'id,name' }), named('Colour'));
  await say('fields of all', () => CustomFields.getCustomFields({ fields: 'id,name', $top: 100 }), (l) => l.some((f) => f.id === field.id));
  await say('field types', () => CustomFields.getFieldTypes({ fields: 'id' }), some);
  await say('attach field', () => Projects.addCustomFieldToProject(fresh.id, { $type: 'EnumProjectCustomField', field: { id: field.id }, bundle: { id: bundle.id } }, { fields: 'id,field(name)' }), (f) => f.field.name === 'Colour');
  await say('instances', () => CustomFields.getCustomFieldInstances(field.id, { fields: 'id' }), (l) => l.length === 1);
  await say('delete field', () => CustomFields.deleteCustomField(field.id));
  const sets = await say('user bundles', () => UserBundles.getUserBundles({ fields: 'id,aggregatedUsers(login)' }), some);
  await say('people of a bundle', () => UserBundles.getUserBundleAggregatedUsers(sets[0].id, { fields: 'login' }), some);
  await say('link type', () => yt.IssueLinkTypes.createIssueLinkType({ name: 'Cause', sourceToTarget: 'causes', targetToSource: 'is caused by', directed: true }, { fields: 'id,name' }), named('Cause'));
  await say('kinds of work', () => Time.getWorkItemTypes({ fields: 'id,name' }), some);
  const kind = await say('add kind of work', () => Time.createWorkItemType({ name: 'Waiting' }, { fields: 'id,name' }), named('Waiting'));
  await say('drop kind of work', () => Time.deleteWorkItemType(kind.id));
  await say('working time', () => Time.getWorkTimeSettings({ fields: 'minutesADay' }), (w) => w.minutesADay === 480);
  await say('time of project', () => Projects.getProjectTimeTrackingSettings(fresh.id, { fields: 'enabled' }), (t) => t.enabled === true);
  await say('delete project', () => Projects.deleteProject(fresh.id));
}

(async () => {
  const me = await people();
  const issue = await issues(me);
  await boards(issue);
  await articles();
  await settings(me);
})();
