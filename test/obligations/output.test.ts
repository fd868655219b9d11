import { existsSync, readFileSync } from 'node:fs';
import { runOnTerminal } from '../cli/pseudo-terminal.js';
import { buildImage, type Entry } from '../support/build-image.js';
import { fixture } from '../support/fixtures.js';
import { assert, needs, suite } from '../support/harness.js';
import { healthyImage, ROWS, type Row, type Things } from './commands.js';
import { DMREMAP, PLAIN, shell, withReaderGone } from './run-cli.js';
import { documentOf } from './schemas.js';
import { hashOf, patient, Workshop } from './workshop.js';

/** What every command owes to the streams that it is given. */

const test = suite('obligations: output');
const slow = patient(test);
const shop = new Workshop();
let healthy: Things = { spare: '', main: '', target: '', dump: '', control: '' };
/** No copy of it is valid: all who read it answer 4. */
let damaged: Things = healthy;
test.before(async () => {
  healthy = await shop.healthy();
  damaged = { ...healthy, spare: shop.put('damaged.img', fixture('flip-each')) };
});
test.after(() => shop.cleanUp());

/** The things for a line, fresh for those that change them; and the code that the line ends with. */
function subjectOf(row: Row): { things: Things; verdict: number } {
  if (row.takes === 'nothing') return { things: healthy, verdict: 0 };
  if (row.does === 'read') return { things: damaged, verdict: row.onDamaged ?? 4 };
  const [spare, target] = [shop.put('changed.img', healthyImage()), shop.sparse('target.img', 1 << 20)];
  return { things: { ...healthy, spare, target }, verdict: 0 };
}

for (const row of ROWS) {
  slow(`${row.name}: nobody reads the answer`, async () => {
    const { things, verdict } = subjectOf(row);
    const expected = await shop.run(row.line(things));
    assert.is(expected.code, verdict, expected.stderr);
    const gone = await withReaderGone(row.line(subjectOf(row).things), { env: shop.env });
    assert.is(gone.code, verdict, `reader gone: ${gone.stderr}`);
    if (row.does === 'read') assert.is(gone.stderr, expected.stderr, 'not silent');
    assert.not.match(gone.stderr, /EPIPE|stdout|standard output/);
    const json = await withReaderGone([...row.line(subjectOf(row).things), '--json'], { env: shop.env });
    assert.is(json.code, verdict, `reader of --json gone: ${json.stderr}`);
  });

  slow(`${row.name}: standard input and output closed`, async () => {
    const { things, verdict } = subjectOf(row);
    const ended = await shell('$dmremap "$@" <&- >&-', row.line(things), { env: shop.env });
    assert.is(ended.code, verdict, ended.stderr);
    assert.not.match(ended.stderr, /EBADF|unexpected|bug/);
  });

  slow(`${row.name} --quiet`, async () => {
    const { things } = subjectOf(row);
    const loud = await shop.run(row.line(things));
    const quiet = await shop.run([...row.line(subjectOf(row).things), '--quiet']);
    assert.equal([quiet.code, quiet.stderr], [loud.code, '']);
    // What was asked for as data is printed all the same.
    const isData = ['dump', 'lookup', 'table', 'unit', 'status', 'serve', 'ctl'].includes(row.name);
    assert.is(quiet.stdout, isData ? loud.stdout : '');
    if (row.takes === 'nothing') return;
    const missing = await shop.run([...row.line({ ...things, spare: shop.path('missing') }), '-q']);
    assert.is(missing.code, 8);
    assert.match(missing.stderr, /no such file/, 'errors are printed');
  });

  slow(`${row.name}: ASCII where that is asked for`, async () => {
    const { things } = subjectOf(row);
    const line = row.line(things);
    const asked = [
      await shop.run([...line, '--ascii', '-v']),
      await shop.run(row.line(subjectOf(row).things), { env: { LC_ALL: 'C', TERM: 'dumb' } }),
      await shop.run([row.name, '--help', '--ascii']),
    ];
    for (const { stdout, stderr } of asked) assert.match(stdout + stderr, /^[\n\x20-\x7e]+$/);
  });

  slow(`${row.name}: no colours where they are not wanted`, async () => {
    needs('python3');
    const { things } = subjectOf(row);
    const line = [process.execPath, DMREMAP, ...row.line(things)];
    const env = { ...shop.env, PATH: PLAIN['PATH'] ?? '' };
    const onTerminal = (more: { readonly [name: string]: string }, ...flags: string[]) =>
      runOnTerminal([...line, ...flags], [], { env: { ...env, ...more }, isStdoutTerminal: true });
    const plain = await onTerminal({ NO_COLOR: '1' });
    assert.not.match(plain.output, '\u001b[', 'NO_COLOR');
    if (row.name !== 'check') return;
    assert.not.match((await onTerminal({}, '--no-color')).output, '\u001b[', '--no-color');
    assert.match((await onTerminal({})).output, '\u001b[', 'there would have been colours');
  });
}

/** Larger than any pipe: whoever reads one line of it is gone long before the end. */
const LONG: readonly Entry[] = Array.from({ length: 20_000 }, (_, index) => [index, 1000 + index]);

slow('a reader who leaves after the first line', async () => {
  const spec = { layout: 'redundant', sectors: 65_536, maxEntries: 20_000, entries: LONG } as const;
  const image = shop.put('long.img', buildImage(spec));
  for (const format of ['json', 'text', 'csv', 'hex']) {
    const { code, stdout, stderr } = await shell('$dmremap dump "$1" --format "$2" | head -1', [
      image,
      format,
    ]);
    assert.equal([code, stderr], [0, ''], format);
    assert.is(stdout.trimEnd().split('\n').length, 1);
  }
  const json = await shell('$dmremap dump "$1" --json | head -1', [image]);
  assert.equal([json.code, json.stdout, json.stderr], [0, '{\n', '']);
  const sectors = Array.from({ length: 10_000 }, (_, index) => String(2 * index));
  const lookup = await shell('$dmremap lookup "$@" | head -1', [image, ...sectors]);
  assert.equal([lookup.code, lookup.stdout, lookup.stderr], [0, '0 -> 1000\n', '']);
  const check = await shell('$dmremap check "$1" | head -1', [damaged.spare]);
  assert.equal([check.code, check.stderr], [4, '']);
});

slow('ASCII by any of its reasons, and --quiet with --json', async () => {
  for (const env of [{ LC_ALL: 'C' }, { LC_ALL: 'POSIX' }, { TERM: 'dumb' }]) {
    const { stdout, stderr } = await shop.run(['info', healthy.spare], { env });
    assert.match(stdout + stderr, /^[\n\x20-\x7e]+$/, JSON.stringify(env));
  }
  assert.match((await shop.run(['info', healthy.spare])).stdout, '\u2502', 'there would have been others');
  const missing = await shop.run(['info', 'missing\u2026', '--ascii']);
  assert.match(missing.stderr, /^[\n\x20-\x7e]+$/);
  documentOf(await shop.run(['check', damaged.spare, '--quiet', '--json']), 'check');
});

slow('fsck.dmremap3: nobody reads the answer', async () => {
  const piped = await shell('$fsck -n "$1" | true', [damaged.spare]);
  assert.equal([piped.code, piped.stderr], [4, '']);
  const closed = await shell('$fsck -n "$1" <&- >&-', [damaged.spare]);
  assert.equal([closed.code, closed.stderr], [4, '']);
  const silent = await shell('$fsck -n "$1" <&- >&- 2>&-', [damaged.spare]);
  assert.is(silent.code, 4);
});

slow('a disk that is full of the output says so', async () => {
  needs('/dev/full');
  for (const line of ['check "$1"', 'dump "$1"', 'info "$1" --json', 'table "$1" --main "$2"']) {
    const { code, stderr } = await shell(`$dmremap ${line} > /dev/full`, [healthy.spare, healthy.main]);
    assert.is(code, 8, line);
    assert.match(stderr, /standard output: write failed: ENOSPC/, line);
  }
});

slow('a change that cannot be told is made nevertheless', async () => {
  const spare = shop.put('changed.img', healthyImage());
  const row = ROWS.find(({ name }) => name === 'wipe');
  await withReaderGone([...(row?.line({ ...healthy, spare }) ?? []), '--json'], { env: shop.env });
  assert.is.not(hashOf(spare), hashOf(healthy.spare));
  assert.ok(existsSync(shop.state), 'an undo file');
  assert.is(readFileSync(spare).subarray(0, 512).some(Boolean), false);
});
