import { existsSync, readFileSync } from 'node:fs';
import { runOnTerminal, type Screen, type Step, type TerminalSettings } from '../cli/pseudo-terminal.js';
import { DMREMAP, PLAIN } from '../obligations/run-cli.js';
import { fingerprint, patient, Workshop } from '../obligations/workshop.js';
import { fixture } from '../support/fixtures.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { decideByFlags, TO_DECIDE, withoutTimes } from './repairs.js';

/** The repair wizard on a terminal of 80x24. */

const test = suite('repair wizard');
const slow = patient(test);
let shop: Workshop;
test.before(() => needs('python3'));
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const DUMB = { TERM: 'dumb' };

function wizard(
  line: readonly string[],
  steps: readonly Step[],
  settings: TerminalSettings = {},
): Promise<Screen> {
  const env = {
    DMREMAP_STATE_DIR: shop.state,
    PATH: PLAIN['PATH'] ?? '',
    LC_ALL: 'C.UTF-8',
    TERM: 'xterm',
    ...settings.env,
  };
  return runOnTerminal([process.execPath, DMREMAP, 'repair', ...line], steps, { ...settings, env });
}

/** What a terminal does not show: colours, and moves of its cursor. */
const COLOUR = /\p{Cc}\[[\d;]*m/gu;
const MOVE = /\p{Cc}\[[\d;?]*[A-Za-z]/gu;

function assertFits({ output, stdout }: Screen): void {
  for (const row of `${output}\n${stdout}`
    .replace(COLOUR, '')
    .replace(MOVE, '\n')
    .split(/\r?\n|\r/))
    assert.ok(row.length <= 80 || /\/|^\s*dmremap/.test(row), `longer than the screen: ${row}`);
}

/** The line that the wizard prints at its end, for another spare. */
function printedLine({ stdout }: Screen, from: string, to: string): readonly string[] {
  const text = stdout.slice(stdout.indexOf('the same in one line:')).split('\n').slice(1).join(' ');
  const words = text.replaceAll(' \\ ', ' ').trim().split(/\s+/);
  assert.is(words[0], 'dmremap', stdout);
  return words.slice(1).map((word) => (word === from ? to : word.replace(/^'(.*)'$/, '$1')));
}

const TERMINALS: readonly { readonly name: string; readonly settings: TerminalSettings }[] = [
  { name: 'xterm', settings: {} },
  { name: 'without colour and unicode', settings: { env: { NO_COLOR: '1', LC_ALL: 'C' } } },
];

for (const { name, settings } of TERMINALS)
  slow(`${name}: from diagnosis to the line that does the same`, async () => {
    const spare = shop.put('spare.img', fixture('dup-main'));
    const screen = await wizard(
      [spare],
      [
        { expect: 'What is to become of', type: '\r' },
        { expect: 'Go on?', type: 'y\r' },
      ],
      settings,
    );
    assert.is(screen.code, 1, screen.output);
    for (const part of ['main-duplicate', 'keeps', 'loses', 'risk', 'generation', 'undo file'])
      assert.match(screen.output, part);
    assert.match(screen.stdout, '1 problem corrected');
    assertFits(screen);
    if (name !== 'xterm') assert.not.match(screen.output.replace(MOVE, ''), /\P{ASCII}/u);
    assert.is(judge(readFileSync(spare)).n, 0);
  });

/** A spare that asks what to begin with, and then whether to go on. */
function contradicting(): string {
  return shop.put('spare.img', fixture('same-generation-differs'));
}

const LEAVING: readonly (readonly [string, Partial<Step>])[] = [
  ['Ctrl-C', { type: '\u0003' }],
  ['Ctrl-D', { type: '\u0004' }],
  ['SIGTERM', { signal: 'SIGTERM' }],
  ['hanging up', { hangUp: true }],
];

for (const env of [{}, DUMB])
  for (const [how, leave] of LEAVING)
    slow(
      `${'TERM' in env ? 'dumb' : 'xterm'}: ${how} at each question is 32, and nothing is done`,
      async () => {
        const choose = 'TERM' in env ? '1\r' : '\r';
        for (const questions of [['begin with'], ['begin with', 'Go on?']]) {
          const spare = contradicting();
          const before = fingerprint(spare);
          const steps = questions.map((expect, index) =>
            index < questions.length - 1 ? { expect, type: choose } : { expect, ...leave },
          );
          const { code, output } = await wizard([spare], steps, { env });
          assert.is(code, 32, output);
          assert.is(fingerprint(spare), before);
        }
        const spare = shop.put('twice.img', fixture('dup-main'));
        const before = fingerprint(spare);
        assert.is((await wizard([spare], [{ expect: 'become of', ...leave }], { env })).code, 32);
        assert.is(fingerprint(spare), before);
        assert.not.ok(existsSync(shop.state), 'nor is an undo file begun');
      },
    );

slow('Escape, a no, and none of the candidates are 32, and nothing is done', async () => {
  const spare = contradicting();
  const before = fingerprint(spare);
  for (const steps of [
    [{ expect: 'begin with', type: '\u001b' }],
    [
      { expect: 'begin with', type: '\r' },
      { expect: 'Go on?', type: 'n\r' },
    ],
  ])
    assert.is((await wizard([spare], steps)).code, 32);
  const none = [{ expect: 'Number:', type: '3\r' }];
  assert.is((await wizard([spare], none, { env: DUMB })).code, 32);
  assert.is((await wizard([spare], [{ expect: 'Number:', type: '9\r' }], { env: DUMB })).code, 32);
  assert.is(fingerprint(spare), before);
});

slow('with main at hand both data are shown', async () => {
  const spare = shop.put('spare.img', fixture('dup-main'));
  const main = shop.sparse('main.img', 2_000_000 * 512);
  const leave = [{ expect: 'become of', type: '\u0003' }];
  const { output, code } = await wizard([spare, '--main', main], leave);
  assert.is(code, 32);
  assert.match(output, /main sector 1622306: sha256 [0-9a-f]{12}/);
  assert.match(output, /spare sector 494: sha256 [0-9a-f]{12}/);
});

/**
 * Each kind of answer, by numbers as on a serial console: what the wizard does, the line that it prints does
 * to a fresh copy, and so do the lines that are printed without a terminal.
 */
const seen = new Set<string>();
for (const { id, image } of TO_DECIDE) {
  if (seen.has(id)) continue;
  seen.add(id);
  slow(`${id}: the wizard, its line and the flags do the same`, async () => {
    const flagged = shop.put('flagged.img', image);
    const decided = await decideByFlags(shop, flagged);
    if (decided.code !== 1 && decided.code !== 5) return;
    const spare = shop.put('spare.img', image);
    const steps: Step[] = [
      ...(decided.asksForStart ? [{ expect: 'begin with', type: '1\r' }] : []),
      ...decided.answers.map(() => ({ expect: 'become of', type: '1\r' })),
      { expect: 'Go on?', type: 'y\r' },
    ];
    const screen = await wizard([spare], steps, { env: { ...DUMB, LC_ALL: 'C' } });
    assert.is(screen.code, decided.code, screen.output);
    assertFits(screen);
    assert.not.match(screen.output, /\p{Cc}\[|\P{ASCII}/u);
    const fresh = shop.put('fresh.img', image);
    const again = await shop.run(printedLine(screen, spare, fresh));
    assert.is(again.code, decided.code, again.stderr);
    const [byWizard, byLine, byFlags] = [spare, fresh, flagged].map((path) =>
      withoutTimes(readFileSync(path)),
    );
    assert.ok(byWizard !== undefined && byLine?.equals(byWizard), 'the line that was printed');
    assert.ok(byFlags?.equals(byWizard), 'the flags');
  });
}
