import { MemoryDevice } from '../../src/device/memory-device.js';
import { diagnose } from '../../src/operations/diagnose.js';
import { moduleStarts } from '../../src/repair/module-starts.js';
import { sectors } from '../../src/units.js';
import { HealingDevice } from '../check/problem-case.js';
import type { Entry } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { writtenImage } from '../support/module-image.js';

/** What main tells of the kernel module's entries: which data is newer, and which sector the first entry was. */

const test = suite('module and main');

const MAIN_SECTORS = 16_384;
const ENTRIES: readonly Entry[] = [
  [4001, 64],
  [4003, 65],
  [4005, 66],
  [4007, 67],
  [4009, 68],
];

/** The checksum before is not known: the first main sector is lost. */
function lostSpare(): Buffer {
  return writtenImage(
    { sectors: 2048, mainSectors: MAIN_SECTORS, entries: ENTRIES, generation: 3 },
    { checksum: 0x1234_5678, firstMain: 0 },
  );
}

async function surveyed(spare: Buffer, main: Buffer, bad: readonly number[], logged: readonly number[] = []) {
  const device = new HealingDevice(new MemoryDevice(new Uint8Array(main)), bad);
  const facts = { name: 'main', size: sectors(MAIN_SECTORS), id: '' };
  return diagnose(new MemoryDevice(new Uint8Array(spare)), {
    main: facts,
    mainAtHand: { open: (work) => work(device), logged },
  });
}

function titlesOf({ survey }: Awaited<ReturnType<typeof surveyed>>): string[] {
  const { module, moduleMain } = survey;
  return module === undefined ? [] : moduleStarts(module, moduleMain).map(({ title }) => title);
}

test('data that differs is told apart by what was never written', async () => {
  const spare = lostSpare();
  const main = Buffer.alloc(MAIN_SECTORS * SECTOR);
  spare.fill(1, 65 * SECTOR, 66 * SECTOR);
  main.fill(1, 4003 * SECTOR, 4004 * SECTOR);
  main.fill(2, 4005 * SECTOR, 4006 * SECTOR);
  spare.fill(3, 67 * SECTOR, 68 * SECTOR);
  spare.fill(4, 68 * SECTOR, 69 * SECTOR);
  const { survey } = await surveyed(spare, main, [4009]);
  assert.equal(
    [...(survey.moduleMain?.compared ?? [])],
    [
      [0, 'equal'],
      [1, 'main-newer'],
      [2, 'spare-newer'],
      [3, 'spare-newer'],
    ],
  );
});

test('the one unreadable sector that no entry names is offered first, as a guess', async () => {
  const found = await surveyed(lostSpare(), Buffer.alloc(MAIN_SECTORS * SECTOR), [4003, 4005, 4001]);
  assert.equal(found.survey.moduleMain?.unreadable, [4001]);
  assert.equal(titlesOf(found), [
    'the table, with main sector 4001 in the first entry',
    'the table without its first entry',
  ]);
  const lost = found.problems.find(({ id }) => id === 'module-first-entry-lost');
  assert.match(lost?.detail ?? '', /unreadable on main: sector 4001$/);
});

test('what lies far from all entries is not looked for, and what is beyond main is not offered', async () => {
  const found = await surveyed(
    lostSpare(),
    Buffer.alloc(MAIN_SECTORS * SECTOR),
    [16_000],
    [99_999, 4003, 77],
  );
  assert.equal(found.survey.moduleMain?.unreadable, []);
  assert.equal(titlesOf(found), [
    'the table, with main sector 77 in the first entry',
    'the table without its first entry',
  ]);
});

test('where very many are unreadable none is offered', async () => {
  const bad = Array.from({ length: 300 }, (_, index) => 4100 + index);
  const found = await surveyed(lostSpare(), Buffer.alloc(MAIN_SECTORS * SECTOR), bad);
  assert.equal(titlesOf(found), ['the table without its first entry']);
});
