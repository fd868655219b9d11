import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { runOnTerminal, type Step } from '../cli/pseudo-terminal.js';
import { DMREMAP, PLAIN } from '../obligations/run-cli.js';
import { documentOf } from '../obligations/schemas.js';
import { fingerprint, patient, Workshop } from '../obligations/workshop.js';
import { assert, needs, suite } from '../support/harness.js';
import { ASKING, assertRefused, CREATE, RESTORE, unanswered, WIPE } from './changes.js';

/** Nothing is changed that nobody said yes to. */

const test = suite('changes ask first');
const slow = patient(test);
let shop: Workshop;
let dump = '';
test.beforeEach(async () => {
  shop = new Workshop();
  ({ dump } = await shop.healthy());
});
test.afterEach(() => shop.cleanUp());

for (const change of ASKING) {
  slow(`${change.name} without a terminal`, async () => {
    const spare = shop.put('spare.img', change.image());
    const line = unanswered(change.line(spare, dump));
    const error = await assertRefused(shop, line, 'no-terminal', /no terminal to ask on/, [spare]);
    assert.is(error['flag'], '--yes');
    await assertRefused(shop, line, 'no-terminal', /no terminal/, [spare], { input: 'yes\ny\n' });
    assert.not.ok(existsSync(shop.state), 'nor is an undo file begun');
  });

  slow(`${change.name} --dry-run`, async () => {
    const spare = shop.put('spare.img', change.image());
    const before = fingerprint(spare);
    for (const line of [change.line(spare, dump), unanswered(change.line(spare, dump))]) {
      const text = await shop.run([...line, '--dry-run']);
      assert.equal([text.code, text.stdout], [0, ''], text.stderr);
      assert.match(text.stderr, /will hold/);
      assert.match(text.stderr, /step/);
      assert.match(text.stderr, /dry run: nothing was written/);
      const json = documentOf(await shop.run([...line, '--dry-run', '--json']), change.name);
      assert.equal([json['applied'], json['undo_file']], [false, null]);
      assert.ok(Array.isArray(json['steps']) && json['steps'].length > 0);
    }
    assert.is(fingerprint(spare), before);
    assert.not.ok(existsSync(shop.state), 'nor is an undo file begun');
  });

  slow(`${change.name} shows what it is about to do, and to what`, async () => {
    const spare = shop.put('spare.img', change.image());
    const { code, stderr } = await shop.run(change.line(spare, dump));
    assert.is(code, 0, stderr);
    const rows = new Map(
      stderr.split('\n').flatMap((row) => {
        const [, key, value] = /^(\w[\w ]*?) {2,}(.*)$/.exec(row) ?? [];
        return key === undefined ? [] : [[key, value] as const];
      }),
    );
    assert.is(rows.get('device'), spare);
    assert.is(rows.get('size'), '1048576 bytes (1 MiB)');
    assert.match(rows.get('holds') ?? '', /DMREMAP3 set with 5 live remaps/);
    assert.ok(rows.has('will hold') && rows.has('step'), stderr);
  });
}

/** Runs a line on a terminal and answers its questions. */
async function answered(
  line: readonly string[],
  steps: readonly Step[],
  more: { readonly TERM?: string } = {},
) {
  const env = {
    DMREMAP_STATE_DIR: shop.state,
    PATH: PLAIN['PATH'] ?? '',
    LC_ALL: 'C.UTF-8',
    TERM: 'xterm',
    ...more,
  };
  return runOnTerminal([process.execPath, DMREMAP, ...line], steps, { env });
}

slow('what destroys wants the name of the device', async () => {
  needs('python3');
  for (const change of [CREATE, WIPE]) {
    const spare = shop.put('spare.img', change.image());
    const line = unanswered(change.line(spare, dump));
    const name = basename(spare);
    const before = fingerprint(spare);

    const wrong = await answered(line, [
      { expect: `Type ${name}`, type: 'yes\r' },
      { expect: `That is not ${name}`, type: `${spare}\r` },
      { expect: `That is not ${name}`, type: '\r' },
    ]);
    assert.is(wrong.code, 32, wrong.output);
    assert.match(wrong.output, 'nothing was done');
    const stopped = await answered(line, [{ expect: `Type ${name}`, type: '\u0003' }]);
    assert.is(stopped.code, 32, stopped.output);
    const ended = await answered(line, [{ expect: `Type ${name}`, signal: 'SIGTERM' }]);
    assert.is(ended.code, 32, ended.output);
    assert.is(fingerprint(spare), before, change.name);

    const right = await answered(line, [{ expect: `Type ${name}`, type: `${name}\r` }]);
    assert.is(right.code, 0, right.output);
    assert.is.not(fingerprint(spare), before, change.name);
  }
});

slow('what destroys nothing wants a yes', async () => {
  needs('python3');
  const spare = shop.put('spare.img', RESTORE.image());
  const line = unanswered(RESTORE.line(spare, dump));
  const before = readFileSync(spare);
  for (const type of ['n\r', '\r', '\u0004', '\u001b']) {
    const { code, output } = await answered(line, [{ expect: 'Go on?', type }]);
    assert.is(code, 32, output);
    assert.equal(readFileSync(spare), before);
  }
  const yes = await answered(line, [{ expect: 'Go on?', type: 'y\r' }]);
  assert.is(yes.code, 0, yes.output);
  assert.is.not(Buffer.compare(readFileSync(spare), before), 0);
  // creating on a device that holds nothing destroys nothing either
  const blank = shop.sparse('blank.img', 1 << 20);
  const created = await answered(['create', blank, '--main-size', '1G'], [{ expect: 'Go on?', type: 'y\r' }]);
  assert.is(created.code, 0, created.output);
});

slow('a question is not hidden by the progress of what came before it', async () => {
  needs('python3');
  const { spare, main } = await shop.healthy();
  // longer than it takes to draw a line of progress again
  const question = { expect: 'Go on?', after: 1 };
  const line = ['remap', spare, '--main', main, '20'];
  for (const TERM of ['xterm', 'dumb']) {
    const { code, output } = await answered(line, [{ ...question, type: 'n\r' }], { TERM });
    assert.is(code, 32, output);
    assert.not.match(output.slice(output.indexOf('Go on?')), 'reading main');
  }
});
