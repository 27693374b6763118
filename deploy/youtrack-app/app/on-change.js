const entities = require('@jetbrains/youtrack-scripting-api/entities');
const {afterSending, announce, kindsOf, wanted} = require('./events');

exports.rule = entities.Issue.onChange({
  title: 'Firstline: announce new, changed and commented tickets',
  guard: (ctx) => wanted(ctx),
  action: (ctx) => announce(ctx, kindsOf(ctx.issue)),
  asyncFunctions: {afterSending},
  requirements: {},
});
