import { parse } from '@oclif/core/parser';
import fc from 'fast-check';
import Check from '../../commands/check.js';
import { PLAIN_FLAGS, readPlainCheck } from '../../src/cli/plain-check.js';
import { modeOf } from '../../src/operations/check-many.js';
import { healthyImage } from '../obligations/commands.js';
import { dmremap } from '../obligations/run-cli.js';
import { Workshop } from '../obligations/workshop.js';
import { assert, suite } from '../support/harness.js';

/** A line of check that goes round the command framework means what the framework takes it for. */

const test = suite('plain lines of check');
const shop = new Workshop();
test.after(() => shop.cleanUp());

const FLAGS = { ...Check.baseFlags, ...Check.flags };
const SWITCHES = Object.entries(FLAGS).flatMap(([name, flag]) =>
  'char' in flag && flag.char !== undefined ? [`--${name}`, `-${flag.char}`] : [`--${name}`],
);
const word = fc.oneof(
  fc.constantFrom(
    '/dev/sdb',
    'SET=x',
    'check',
    '',
    ' ',
    '-',
    '--',
    '-nv',
    '-x',
    '--quiet=1',
    '--progress=json',
  ),
  fc.constantFrom(...SWITCHES, ...Object.keys(PLAIN_FLAGS)),
);
const line = fc.array(word, { maxLength: 5 });

test('what is read is what the framework reads', async () => {
  let plain = 0;
  await fc.assert(
    fc.asyncProperty(line, async (words) => {
      const read = readPlainCheck(['check', ...words], {});
      if (read === undefined) return;
      plain++;
      const { args, flags } = await parse([...words], { args: Check.args, flags: FLAGS });
      assert.equal([...read.devices], args['spare']);
      const { verbose, quiet, ascii, 'no-color': noColor } = flags as Record<string, unknown>;
      const { preen, yes } = flags as { readonly preen: boolean; readonly yes: boolean };
      assert.is(read.mode, modeOf({ preen, yes }));
      const given = [read.verbose, read.quiet, read.ascii, read.noColor];
      assert.equal(given, [verbose, quiet, ascii, noColor].map(Boolean));
    }),
    { numRuns: 3000 },
  );
  assert.ok(plain > 100, `only ${plain} lines were plain`);
});

test('everything else is left to the framework', () => {
  for (const words of [
    [],
    ['info', 'a'],
    ['-q', 'check', 'a'],
    ['check'],
    ['check', 'a', '--json'],
    ['check', 'a', '--help'],
    ['check', 'a', '-n', '-p'],
    ['check', 'a', '--main', 'b'],
    ['check', 'a', '--media'],
    ['check', 'a', ''],
    ['check', '--', 'a'],
    ['check', 'a', '-nv'],
    ['check', 'a', 'toString', '--toString'],
  ])
    assert.is(readPlainCheck(words, {}), undefined, words.join(' '));
  assert.is(readPlainCheck(['check', 'a'], { DEBUG: '*' }), undefined);
});

test('both ways say and do the same', async () => {
  const lame = () => healthyImage().fill(0, 0, 4096);
  const healthy = shop.put('healthy.img', healthyImage());
  const missing = `${healthy}.missing`;
  const flagCases: readonly (readonly string[])[] = [[], ['-v'], ['-q'], ['-n'], ['-p'], ['-y'], ['--ascii']];
  for (const flags of flagCases)
    for (const others of [[], [healthy], [missing]]) {
      const run = async (...dashes: string[]) => {
        const path = shop.put('lame.img', lame());
        // behind `--` the same devices are named, and the line is no longer a plain one
        const ended = await dmremap(['check', ...flags, ...dashes, path, ...others], { env: shop.env });
        // a stack names the program that was loaded
        const stderr = ended.stderr.replace(/^ {4}at .*\n/gm, '');
        return {
          ended: { ...ended, stderr },
          again: (await dmremap(['check', path], { env: shop.env })).code,
        };
      };
      assert.equal(await run(), await run('--'), [...flags, ...others].join(' '));
    }
  const alone = await dmremap(['check', missing], { env: shop.env });
  assert.equal(alone, await dmremap(['check', '--', missing], { env: shop.env }));
  assert.is(alone.code, 8);
});
