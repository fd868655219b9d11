import { DUMP_FORMATS, type DumpFormat, renderDump } from '../../src/cli/render/dump.js';
import { DmremapError } from '../../src/errors.js';
import { openDump } from '../../src/operations/dump.js';
import { fixture, fixtureNames } from '../support/fixtures.js';
import { assert, suite } from '../support/harness.js';
import { mutation } from '../support/mutate.js';
import { judge } from '../support/reader.js';
import { type Document, documentOf } from './schemas.js';
import { fingerprint, Workshop } from './workshop.js';

/**
 * Every reading command on every golden image and on images with random damage: no byte is written, the
 * document fits its schema, and the exit code is the one that the second reading of the format demands.
 */

const test = suite('obligations: readers on damaged input');
const shop = new Workshop();
test.after(() => shop.cleanUp());

/** Golden mains have 2,000,000 sectors; of nothing but zeros, they take no room. */
const main = shop.sparse('main.img', 2_000_000 * 512);

const TERMINAL = { color: false, unicode: true, width: 80, live: false };

interface Subject {
  readonly name: string;
  readonly image: Buffer;
}

/** Exit codes as the second reader sees them. */
interface Codes {
  readonly check: number;
  readonly dump: number;
}

function codesFor({ image }: Subject): Codes {
  const { n, dumpable } = judge(image);
  return { check: n, dump: n === 8 ? 8 : dumpable ? 0 : 4 };
}

/** These take turns, since a run is dear; inside one process every image has all of them (below). */
const DUMPS: readonly ((path: string) => readonly string[])[] = [
  (path) => ['dump', path, '--format', 'text'],
  (path) => ['dump', path, '--json', '--copy', 'primary'],
  (path) => ['dump', path, '--format', 'csv'],
  (path) => ['dump', path, '--json', '--copy', 'backup'],
  (path) => ['dump', path, '--format', 'hex'],
];

/** Runs all readers on one image. */
async function readAll(subject: Subject, turn: number, lean: boolean): Promise<void> {
  const path = shop.put('subject.img', subject.image);
  const before = fingerprint(path);
  const codes = codesFor(subject);
  const run = async (line: readonly string[]) => {
    const ended = await shop.run(line);
    const told = `${subject.name}: ${line.join(' ')}: ${ended.stderr}`;
    assert.ok(ended.code !== null && [0, 4, 8].includes(ended.code), `${ended.code}, ${told}`);
    assert.not.match(ended.stderr, /unexpected|^\s+at /m, told);
    assert.is(fingerprint(path), before, `written by ${told}`);
    const document = line.includes('--json') ? documentOf(ended, line[0] ?? '') : undefined;
    return { ...ended, told, document };
  };

  const table = ['table', path, '--main', main, '--accept-main', 'none', '--json'];
  const readers: (() => Promise<void>)[] = [
    async () => {
      const { code, told, document } = await run(['dump', path, '--json']);
      assert.is(code, codes.dump, told);
      if (document?.['valid'] === true) assertCounts(document, told);
    },
    async () => {
      const info = await run(['info', path, '--json']);
      assert.is(info.code, codes.check, info.told);
    },
    async () => {
      const format = ['line', 'json', 'prometheus'][turn % 3] ?? '';
      const status = await run(['status', path, ...(turn % 2 === 0 ? ['--json'] : ['--format', format])]);
      assert.is(status.code, codes.check, status.told);
    },
    async () => {
      const lookup = await run(['lookup', path, '0-100', '1999999', '--json']);
      assert.is(lookup.code, codes.dump, lookup.told);
    },
    async () => void (await run(table)),
    async () => void (await run(DUMPS[turn % DUMPS.length]?.(path) ?? [])),
  ];
  const chosen = lean ? [0, 3].map((step) => readers[(turn + step) % readers.length]) : readers;
  for (const reader of chosen) await reader?.();
}

/** Every entry that the header names is there, or is counted as missing. */
function assertCounts({ header, entries, missing_entries }: Document, told: string): void {
  const named = (header as Document)['entry_count'];
  assert.is(named, (entries as readonly unknown[]).length + Number(missing_entries), told);
}

/** One run looks at many images: what a search finds in each does not change with its neighbours. */
async function readTogether(subjects: readonly Subject[]): Promise<void> {
  const paths = subjects.map(({ image }, index) => shop.put(`together-${index}.img`, image));
  const before = paths.map(fingerprint);
  for (const line of [
    ['check', '-n', '--json', '--media', ...paths],
    ['scan', '--json', ...paths],
    ['scan', '--json', '--deep', ...paths],
  ]) {
    documentOf(await shop.run(line), line[0] ?? '');
    assert.equal(paths.map(fingerprint), before, `written by ${line.slice(0, 3).join(' ')}`);
  }
}

const golden = fixtureNames().map((name) => ({ name, image: fixture(name) }));
const PARTS = 4;
for (let part = 0; part < PARTS; part++) {
  const names = golden.filter((_, index) => index % PARTS === part);
  test(`golden images, part ${part + 1} of ${PARTS}`, async () => {
    for (const [turn, subject] of names.entries()) await readAll(subject, part + PARTS * turn, false);
  });
}

test('golden images together', () => readTogether(golden));

test('every dump of every golden image', async () => {
  for (const { name, image } of golden) {
    const path = shop.put('dumped.img', image);
    const before = fingerprint(path);
    for (const copy of [undefined, 'primary', 'backup'] as const)
      for (const format of DUMP_FORMATS)
        assert.ok(await dumpedBytes(path, copy, format), `${name}: ${format}`);
    assert.is(fingerprint(path), before, name);
  }
});

const NO_SPARE = ['not-dmremap3', 'too-small', 'unsupported'];

/** How much a dump prints; one for the refusal of what was never a spare. */
async function dumpedBytes(
  path: string,
  copy: 'primary' | 'backup' | undefined,
  format: DumpFormat,
): Promise<number> {
  let bytes = 0;
  try {
    const open = await openDump(path, copy);
    for await (const piece of renderDump(format, open, TERMINAL)) bytes += piece.length;
    await open.close();
  } catch (error) {
    assert.ok(error instanceof DmremapError && NO_SPARE.includes(error.code), String(error));
    return 1;
  }
  return bytes;
}

/** Seeds of the run; the long one is another script. */
const SEEDS = Array.from({ length: 36 }, (_, index) => 5000 + index);

test('random damage', async () => {
  for (const seed of SEEDS) {
    const { image, description } = mutation(seed);
    await readAll({ name: description, image }, seed, true);
  }
});

test('random damage together', () =>
  readTogether(SEEDS.map((seed) => ({ name: `seed ${seed}`, image: mutation(seed).image }))));
