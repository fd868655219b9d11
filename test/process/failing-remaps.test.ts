import { readFileSync, rmSync } from 'node:fs';
import { Remapped, shown } from '../commands/remapped.js';
import { NBDFUSE_NEEDS } from '../device/nbdfuse.js';
import { documentOf, isObject } from '../obligations/schemas.js';
import { patient, Workshop } from '../obligations/workshop.js';
import type { Entry } from '../support/build-image.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { FailingFile } from './failing-file.js';

/**
 * A spare whose writes fail with EIO in the midst of `remap`, `unremap` and `rebind`: every sector shows what it
 * showed, the message says what stands, and once the spare is well again the same line does what it was to do.
 */

const test = suite('a spare that fails while sectors move');
const slow = patient(test);
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const MAIN = 2048;
const ENTRIES: readonly Entry[] = [
  [5, 40],
  [6, 41],
  [7, 50],
  [100, 44],
  [2047, 43],
];

/** More of these writes before the first that fails is no other case. */
const MOST_BEFORE = 4;

interface Case {
  readonly words: readonly string[];
  /** Entries before and after it. */
  readonly entries: readonly [before: number, after: number];
}

const CASES: readonly Case[] = [
  { words: ['remap', '--main', 'MAIN', '8-30', '200'], entries: [5, 29] },
  { words: ['unremap', '--main', 'MAIN', '6-8', '100'], entries: [5, 2] },
  { words: ['rebind', '--main', 'CLONE'], entries: [5, 5] },
];

for (const { words, entries } of CASES)
  for (const layout of ['redundant', 'plain'] as const)
    for (const kind of ['file', 'loop'] as const)
      slow(`${words[0]}, ${layout}, on a ${kind}`, async () => {
        needs(...NBDFUSE_NEEDS, 'losetup', '/dev/loop-control');
        const set = Remapped.make(shop, { mainSectors: MAIN, entries: ENTRIES, layout });
        const [image, mainImage] = [readFileSync(set.spare), readFileSync(set.main)];
        const larger = shop.put('clone.img', Buffer.concat([mainImage, Buffer.alloc(4096)]));
        const places: Record<string, string> = { MAIN: set.main, CLONE: larger };
        rmSync(set.spare);
        const spare = await FailingFile.of(shop, 'spare.img', image.length, kind);
        const line = [...words.map((word) => places[word] ?? word), '--yes', '--json'];
        const [command = '', ...rest] = line;
        const run = () => shop.run([command, spare.path, ...rest]);
        const main = () => readFileSync(set.main);
        const half = image.length / 2;
        let failures = 0;
        for (const [from, to] of [
          [0, half],
          [half, image.length],
        ] as const)
          for (let nth = 0; nth < MOST_BEFORE; nth++) {
            shop.put('main.img', mainImage);
            spare.write(image);
            spare.fail({ from, to, nth });
            const ended = await run();
            if (!spare.hasFailed) break;
            failures++;
            const said = `${from}-${to} from ${nth} on: ${ended.stdout}`;
            assert.is(ended.code, 8, said);
            const { error } = documentOf(ended, command);
            if (!isObject(error)) return assert.unreachable(said);
            assert.is(error['code'], 'io', said);
            if (error['stands'] !== 'unknown')
              assertShows(spare, main(), error['stands'], set.device, entries, said);
            spare.heal();
            const [typed] = /dmremap (check[^;,]+)/.exec(String(error['hint']))?.slice(1) ?? [];
            const checked = await shop.run(String(typed).trim().split(' '));
            assert.ok((checked.code ?? 8) < 2, `${said}: ${typed} answers ${checked.code} ${checked.stdout}`);
            assertShows(spare, main(), 'either', set.device, entries, said);
            const again = await run();
            assert.is(again.code, 0, `${said}: again ${again.stdout}`);
            assertShows(spare, main(), 'after', set.device, entries, said);
          }
        assert.ok(failures > 0, 'no write has failed');
      });

function assertShows(
  spare: FailingFile,
  main: Buffer,
  stands: unknown,
  device: Buffer,
  [before, after]: Case['entries'],
  said: string,
): void {
  const { content } = spare;
  assert.equal(shown(content, main), device, said);
  const count = judge(content).truth?.length ?? Number.NaN;
  const allowed = stands === 'before' ? [before] : stands === 'after' ? [after] : [before, after];
  assert.ok(allowed.includes(count), `${said}: ${count} entries`);
}
