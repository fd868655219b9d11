import { assert, needs, suite } from '../support/harness.js';
import { FIXTURE_CLI, runFixture } from './fixture-cli/run.js';
import { runOnTerminal, type Step, type TerminalSettings } from './pseudo-terminal.js';

const test = suite('prompts');

test.before(() => needs('python3'));

function ask(kind: string, steps: readonly Step[], settings?: TerminalSettings) {
  return runOnTerminal([process.execPath, FIXTURE_CLI, 'ask', '--kind', kind], steps, settings);
}

/** Colours. */
const SGR = /\p{Cc}\[[\d;]*m/gu;

const CONFIRM = 'Shall it be done?';

/** On each of these the same answers must lead to the same codes. */
const TERMINALS: readonly { readonly name: string; readonly settings: TerminalSettings }[] = [
  { name: 'xterm', settings: {} },
  { name: 'without colour and unicode', settings: { env: { NO_COLOR: '1', LC_ALL: 'C' } } },
  { name: 'dumb', settings: { env: { TERM: 'dumb' } } },
];

for (const { name, settings } of TERMINALS) {
  test(`${name}: yes goes on, the question is not on standard output`, async () => {
    const { code, stdout } = await ask('confirm', [{ expect: CONFIRM, type: 'y\r' }], settings);
    assert.is(stdout, 'answer: confirmed\n');
    assert.is(code, 0);
  });

  for (const [answer, keys] of [
    ['no', 'n\r'],
    ['Enter alone', '\r'],
    ['nonsense', 'perhaps\r'],
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ] as const) {
    test(`${name}: ${answer} is 32`, async () => {
      const { code, stdout, output } = await ask('confirm', [{ expect: CONFIRM, type: keys }], settings);
      assert.is(code, 32);
      assert.is(stdout, '');
      assert.match(output.replace(SGR, ''), /fixture ask: (cancelled|stopped by SIGINT)/);
    });
  }

  test(`${name}: SIGTERM at a question is 32`, async () => {
    const { code, output } = await ask('confirm', [{ expect: CONFIRM, signal: 'SIGTERM' }], settings);
    assert.is(code, 32);
    assert.match(output, 'stopped by SIGTERM');
  });

  test(`${name}: a terminal that is closed at a question is 32`, async () => {
    assert.is((await ask('confirm', [{ expect: CONFIRM, hangUp: true }], settings)).code, 32);
  });

  test(`${name}: a no that is an answer`, async () => {
    const { code, stdout } = await ask('ask', [{ expect: CONFIRM, type: 'n\r' }], settings);
    assert.is(stdout, 'answer: false\n');
    assert.is(code, 0);
  });

  test(`${name}: the kernel name, at the second try`, async () => {
    const { code, stdout } = await ask(
      'type',
      [
        { expect: 'Type sdz', type: 'sdx\r' },
        { expect: 'That is not sdz', type: 'sdz\r' },
      ],
      settings,
    );
    assert.is(stdout, 'answer: typed\n');
    assert.is(code, 0);
  });

  test(`${name}: three wrong names are 32`, async () => {
    const wrong = { expect: 'Type sdz', type: 'y\r' };
    const { code, stdout } = await ask('type', [wrong, wrong, wrong], settings);
    assert.is(stdout, '');
    assert.is(code, 32);
  });
}

test('Escape is 32', async () => {
  assert.is((await ask('confirm', [{ expect: CONFIRM, type: '\u001b' }])).code, 32);
  assert.is((await ask('choose', [{ expect: 'Which one', type: '\u001b' }])).code, 32);
});

test('one of several, with arrow keys', async () => {
  const { stdout } = await ask('choose', [
    { expect: 'keeps everything', type: '\u001b[B' },
    { expect: 'the second', type: '\r' },
  ]);
  assert.is(stdout, 'answer: second\n');
});

test('one of several, by number on a dumb terminal', async () => {
  const dumb = { env: { TERM: 'dumb' } };
  assert.is((await ask('choose', [{ expect: 'Number:', type: '2\r' }], dumb)).stdout, 'answer: second\n');
  assert.is((await ask('choose', [{ expect: 'Number:', type: '3\r' }], dumb)).code, 32);
});

test('without colour there is no colour and nothing but ASCII', async () => {
  for (const env of [{ NO_COLOR: '1', LC_ALL: 'C' }, { TERM: 'dumb' }]) {
    for (const [kind, expect] of [
      ['confirm', CONFIRM],
      ['choose', 'Which one?'],
    ] as const) {
      const { output } = await ask(kind, [{ expect, type: '\r' }], { env });
      assert.not.match(output, /\p{Cc}\[[\d;]*m/u);
      assert.not.match(output, /\P{ASCII}/u);
    }
  }
});

test('--yes asks nothing', async () => {
  for (const kind of ['confirm', 'ask', 'type']) {
    const { code, stderr } = await runFixture(['ask', '--kind', kind, '--yes']);
    assert.is(stderr, '');
    assert.is(code, 0);
  }
});

test('without a terminal: 16, and the flag is named', async () => {
  for (const kind of ['confirm', 'ask', 'type', 'choose']) {
    const plain = await runFixture(['ask', '--kind', kind], { input: 'y\n' });
    assert.is(plain.code, 16);
    assert.match(plain.stderr, /there is no terminal to ask on: .*\n.*--yes/);
    const json = await runFixture(['ask', '--kind', kind, '--json']);
    assert.is(json.code, 16);
    assert.is(JSON.parse(json.stdout).error.code, 'no-terminal');
    assert.is(JSON.parse(json.stdout).error.flag, '--yes');
  }
});
