const entities = require('@jetbrains/youtrack-scripting-api/entities');
const {afterSending, announce, wanted} = require('./events');

exports.rule = entities.Issue.onChange({
  title: 'Firstline: announce deleted tickets',
  runOn: {change: false, removal: true},
  guard: (ctx) => wanted(ctx),
  action: (ctx) => announce(ctx, {deleted: true}),
  asyncFunctions: {afterSending},
  requirements: {},
});
