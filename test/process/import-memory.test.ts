import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { peakMemory } from '../../bench/memory.js';
import { dmremap } from '../../bench/programs.js';
import { patient, Workshop } from '../obligations/workshop.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';

/** An import of many sectors takes little more memory than one of few: their data (98 MiB) is not held in it. */

const test = suite('memory of an import');
const slow = patient(test);

const [FEW, MANY] = [1_000, 200_000];
const FIRST = 1000;

/** Of main and spare, in bytes. */
const SIZE = 1 << 28;

/** More than for few at its peak, at most, in MiB; a list is held as sectors while it is read. */
const MORE = { range: 150, list: 180 };

let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop('process');
});
test.afterEach(() => shop.cleanUp());

/** Every so many sectors of main hold their number, the others zeros. */
const MARKED = 997;

function marker(sector: number): Buffer {
  const data = Buffer.alloc(SECTOR);
  if (sector % MARKED === 0) data.writeUInt32LE(sector);
  return data;
}

async function peakOf(count: number, sectors: (list: string) => readonly string[]): Promise<number> {
  const main = shop.sparse('main.img', SIZE);
  const file = openSync(main, 'r+');
  for (let sector = 0; sector < SIZE / SECTOR; sector += MARKED)
    writeSync(file, marker(sector), 0, SECTOR, sector * SECTOR);
  closeSync(file);
  const spare = shop.sparse(`spare-${count}.img`, SIZE);
  const made = await shop.run([
    'create',
    spare,
    '--main',
    main,
    '--entries',
    String(MANY),
    '--yes',
    '--quiet',
  ]);
  assert.is(made.code, 0, made.stderr);
  const list = shop.path(`bad-${count}`);
  writeFileSync(list, Array.from({ length: count }, (_, index) => `${FIRST + index}\n`).join(''));
  const line = ['remap', spare, '--main', main, ...sectors(list), '--undo-file', shop.path(`${count}.undo`)];
  const peak = peakMemory(dmremap(...line, '--yes', '--quiet'), 1).median;
  assertCarried(spare, count);
  return peak;
}

function assertCarried(spare: string, count: number): void {
  const image = readFileSync(spare);
  const table = judge(image).truth ?? [];
  assert.is(table.length, count);
  for (const [sector, place] of table)
    if (!image.subarray(place * SECTOR, (place + 1) * SECTOR).equals(marker(sector)))
      throw new Error(`sector ${sector} has other data on the spare`);
}

async function assertBounded(most: number, sectors: (list: string, count: number) => readonly string[]) {
  const [few, many] = [
    await peakOf(FEW, (list) => sectors(list, FEW)),
    await peakOf(MANY, (list) => sectors(list, MANY)),
  ];
  console.log(`${few.toFixed(0)} MiB for ${FEW} sectors, ${many.toFixed(0)} MiB for ${MANY}`);
  assert.ok(many - few <= most, `${many.toFixed(0)} MiB, ${few.toFixed(0)} MiB for few`);
}

slow('of a range of sectors', () => assertBounded(MORE.range, (_, count) => [`${FIRST}+${count}`]));

slow('of a list', () =>
  assertBounded(MORE.list, (list) => ['--badblocks', list, '--block-size', String(SECTOR)]),
);
