/**
 * All reading commands on any image: no byte is written, the document fits its schema, and the exit code is
 * the one that the second reading of the format demands.
 */
import { assert } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { type Document, documentOf } from './schemas.js';
import { fingerprint, type Workshop } from './workshop.js';

export interface Subject {
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

/** These take turns, since a run is dear; inside one process every image has all of them (reading-golden.test.ts). */
const DUMPS: readonly ((path: string) => readonly string[])[] = [
  (path) => ['dump', path, '--format', 'text'],
  (path) => ['dump', path, '--json', '--copy', 'primary'],
  (path) => ['dump', path, '--format', 'csv'],
  (path) => ['dump', path, '--json', '--copy', 'backup'],
  (path) => ['dump', path, '--format', 'hex'],
];

/**
 * Runs the readers on one image.
 *
 * @param turn decides what is taken of what takes turns
 * @param lean two of the readers only
 */
export async function readAll(shop: Workshop, subject: Subject, turn: number, lean: boolean): Promise<void> {
  const path = shop.put('subject.img', subject.image);
  // of nothing but zeros, a main of the golden images takes no room
  const main = shop.sparse('main.img', 2_000_000 * 512);
  const before = fingerprint(path);
  const codes = codesFor(subject);
  const run = async (line: readonly string[]) => {
    const ended = await shop.run(line);
    const told = `${subject.name}: ${line.join(' ')}: ${ended.stderr}`;
    const beyond = ended.code === 16 && /is beyond the end of main/.test(ended.stderr);
    assert.ok(beyond || [0, 4, 8].includes(ended.code ?? -1), `${ended.code}, ${told}`);
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
      const lookup = await run(['lookup', path, '0-63', '--json']);
      // a damaged main_device_size may make main smaller than that
      assert.ok(lookup.code === codes.dump || (codes.dump === 0 && lookup.code === 16), lookup.told);
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
export async function readTogether(shop: Workshop, subjects: readonly Subject[]): Promise<void> {
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
