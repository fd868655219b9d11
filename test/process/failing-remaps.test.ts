import { readFileSync, rmSync } from 'node:fs';
import { Remapped, shown } from '../commands/remapped.js';
import { NBDFUSE_NEEDS } from '../device/nbdfuse.js';
import { documentOf, isObject } from '../obligations/schemas.js';
import { patient, Workshop } from '../obligations/workshop.js';
import { FailingDisk } from '../serve/failing-disk.js';
import type { Entry } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
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
  shop = new Workshop('process');
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

slow('free sectors that take no data are passed over', async () => {
  needs(...NBDFUSE_NEEDS);
  const set = Remapped.make(shop, { mainSectors: MAIN, entries: ENTRIES });
  const disk = await FailingDisk.start(shop, set.spare, readFileSync(set.spare).length);
  const failing = set.with({ spare: disk.path });
  const free = (await firstPlace(failing)) * SECTOR;
  for (const what of ['write', 'read'] as const) {
    disk.set({ [what]: [free + SECTOR, free + 3 * SECTOR] });
    const [first, count] = what === 'write' ? [200, 30] : [300, 30];
    const done = await failing.run('remap', `${first}+${count}`);
    assert.equal([done['exit_code'], done['remapped']], [0, count], JSON.stringify(done));
    const said = (done['warnings'] as string[]).join();
    assert.match(said, new RegExp(`take data at 2 of its free sectors, from sector ${free / SECTOR + 1} on`));
  }
  disk.set({});
  const moved = [...numbers(200, 30), ...numbers(300, 30)];
  set.assertRemapped([...ENTRIES.map(([main]) => Number(main)), ...moved]);
  const places = [...set.remapped().values()];
  assert.ok(!places.includes(free / SECTOR + 1) && !places.includes(free / SECTOR + 2), places.join());
});

/** Where the next entry's data goes. */
async function firstPlace(set: Remapped): Promise<number> {
  await set.run('remap', '1000');
  const place = set.remapped().get(1000);
  await set.run('unremap', '1000');
  return Number(place);
}

function numbers(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

slow('a spare that has no other places', async () => {
  needs(...NBDFUSE_NEEDS);
  const set = Remapped.make(shop, { mainSectors: MAIN, entries: ENTRIES });
  const size = readFileSync(set.spare).length;
  const disk = await FailingDisk.start(shop, set.spare, size);
  const failing = set.with({ spare: disk.path });
  disk.set({ write: [(await firstPlace(failing)) * SECTOR, size - 300 * SECTOR] });
  const before = readFileSync(set.spare);
  const ended = await failing.run('remap', '200+30');
  assert.is(ended['exit_code'], 8, JSON.stringify(ended));
  assert.match(JSON.stringify(ended), /nothing is lost and nothing is changed/);
  disk.set({});
  assert.equal(shown(readFileSync(set.spare), readFileSync(set.main)), set.device);
  assert.equal(readFileSync(set.spare).subarray(0, 4096), before.subarray(0, 4096));
});

slow('data that is moved on the spare and does not read back stays where it was', async () => {
  needs(...NBDFUSE_NEEDS);
  const set = Remapped.make(shop, { mainSectors: MAIN, entries: ENTRIES });
  const disk = await FailingDisk.start(shop, set.spare, readFileSync(set.spare).length);
  // a table of 4000 entries takes the sectors that the data lies on
  disk.set({ read: [136 * SECTOR, 400 * SECTOR] });
  const ended = await shop.run(['resize', disk.path, '--entries', '4000', '--yes', '--json']);
  assert.is(ended.code, 8, ended.stdout);
  disk.set({});
  assert.equal(shown(readFileSync(set.spare), readFileSync(set.main)), set.device, ended.stdout);
  set.assertRemapped(ENTRIES.map(([main]) => Number(main)));
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
