import { detectTerminals, paint, type TerminalFacts } from '../../src/cli/terminal.js';
import { assert, suite } from '../support/harness.js';

const test = suite('terminal');

function facts(env: TerminalFacts['env'], columns?: number, isPiped = false): TerminalFacts {
  const terminal = { isTTY: true, columns };
  return { stdin: terminal, stdout: isPiped ? {} : terminal, stderr: terminal, env };
}

const UTF8 = { LANG: 'de_DE.UTF-8', TERM: 'xterm' };

test('colour: on a terminal, unless NO_COLOR, --no-color or a dumb terminal say otherwise', () => {
  const color = (env: TerminalFacts['env'], noColor = false) =>
    detectTerminals({ noColor }, facts(env)).stdout.color;
  assert.is(color(UTF8), true);
  assert.is(color({ ...UTF8, NO_COLOR: '' }), true);
  assert.is(color({ ...UTF8, NO_COLOR: '0' }), false);
  assert.is(color(UTF8, true), false);
  assert.is(color({ ...UTF8, TERM: 'dumb' }), false);
  const piped = detectTerminals({}, facts(UTF8, 80, true));
  assert.is(piped.stdout.color, false);
  assert.is(piped.stderr.color, true);
});

test('unicode: the locale as setlocale reads it, TERM and --ascii', () => {
  const unicode = (env: TerminalFacts['env'], ascii = false) =>
    detectTerminals({ ascii }, facts(env)).stdout.unicode;
  assert.is(unicode(UTF8), true);
  assert.is(unicode({ LANG: 'en_US.utf8' }), true);
  assert.is(unicode({}), false);
  assert.is(unicode({ LANG: 'C' }), false);
  assert.is(unicode({ LC_ALL: 'C', LANG: 'de_DE.UTF-8' }), false);
  assert.is(unicode({ LC_ALL: '', LC_CTYPE: 'C.UTF-8', LANG: 'C' }), true);
  assert.is(unicode({ ...UTF8, TERM: 'dumb' }), false);
  assert.is(unicode(UTF8, true), false);
});

test('width: of the terminal, 80 in a pipe or when it says none, never below 40', () => {
  const width = (columns?: number, isPiped = false) =>
    detectTerminals({}, facts(UTF8, columns, isPiped)).stdout.width;
  assert.is(width(132), 132);
  assert.is(width(132, true), 80);
  assert.is(width(0), 80);
  assert.is(width(undefined), 80);
  assert.is(width(20), 40);
});

test('questions need a terminal to read from and one to ask on', () => {
  const all = facts(UTF8);
  assert.is(detectTerminals({}, all).isInteractive, true);
  assert.is(detectTerminals({}, { ...all, stdout: {} }).isInteractive, true);
  assert.is(detectTerminals({}, { ...all, stdin: {} }).isInteractive, false);
  assert.is(detectTerminals({}, { ...all, stderr: {} }).isInteractive, false);
});

test('paint adds codes only where colour is allowed', () => {
  const terminal = { color: true, unicode: true, width: 80, live: true };
  assert.is(paint(terminal, 'red', 'x'), '\u001b[31mx\u001b[39m');
  assert.is(paint(terminal, 'red', ''), '');
  assert.is(paint({ ...terminal, color: false }, 'red', 'x'), 'x');
});
