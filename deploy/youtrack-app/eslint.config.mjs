import js from '@eslint/js';
import globals from 'globals';

const STYLE = {
  curly: 'error',
  eqeqeq: 'error',
  'no-var': 'error',
  'prefer-const': 'error',
  'no-eval': 'error',
  'no-implied-eval': 'error',
  'no-shadow': 'error',
  'max-lines': ['error', 350],
  'max-lines-per-function': ['error', 40],
  complexity: ['error', 12],
  'no-restricted-properties': [
    'error',
    {property: 'innerHTML', message: 'Text from outside must stay text.'},
    {property: 'outerHTML', message: 'Text from outside must stay text.'},
    {property: 'insertAdjacentHTML', message: 'Text from outside must stay text.'},
  ],
};
const UNUSED = ['error', {caughtErrorsIgnorePattern: '^_'}];

export default [
  {ignores: ['**/node_modules/']},
  js.configs.recommended,
  {linterOptions: {reportUnusedDisableDirectives: 'error'}, rules: {...STYLE, 'no-unused-vars': UNUSED}},
  {
    // YouTrack's scripting engine: no Node, no browser.
    files: ['**/app/*.js'],
    languageOptions: {
      sourceType: 'commonjs', ecmaVersion: 2020,
      globals: {console: 'readonly'},
    },
  },
  {
    files: ['**/app/widgets/**/*.js'],
    languageOptions: {sourceType: 'module', ecmaVersion: 2022, globals: {...globals.browser, YTApp: 'readonly'}},
  },
  {
    // The stand-in for YouTrack around the widget.
    files: ['**/tests/deploy/widget/host.js'],
    languageOptions: {sourceType: 'script', globals: globals.browser},
    rules: {'max-lines-per-function': 'off'},
  },
  {files: ['**/tests/deploy/widget/press.js'], languageOptions: {sourceType: 'commonjs', globals: globals.node}},
  {files: ['**/*.mjs'], languageOptions: {sourceType: 'module', globals: globals.node}},
];
