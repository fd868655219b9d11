import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { sumTables, type TablePart } from '../../src/store/sum-tables.js';
import { bytes } from '../../src/units.js';
import { crc32 } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { Random } from '../support/random.js';

/** Sums of tables that are read side by side are those of each table alone. */

const test = suite('sumTables');

/** How much of a table is read at once. */
const CHUNK = 256 * 1024;
const AREA = 4 * CHUNK;

/** Lengths in bytes around everything that could be counted wrongly. */
const LENGTHS = [
  0,
  16,
  512,
  CHUNK - 16,
  CHUNK,
  CHUNK + 16,
  2 * CHUNK - 16,
  2 * CHUNK,
  2 * CHUNK + 16,
  3 * CHUNK + 4096,
];

function partAt(index: number, length: number): TablePart {
  return { at: bytes(index * AREA), length: bytes(length) };
}

async function compare(content: Buffer, parts: readonly TablePart[], blockSize: number, told: string) {
  const device = new MemoryDevice(content, { logicalBlockSize: blockSize });
  const sums = await sumTables(device, parts);
  const live = parts.map(({ at, length }) => content.subarray(at, at + length));
  assert.equal(
    sums,
    live.map((table) => ({
      crc: crc32([table]),
      unreadable: [],
      sameAsFirst: table.equals(live[0] ?? table),
    })),
    told,
  );
}

test('every pair of lengths, equal as far as both go', async () => {
  const random = new Random(1);
  const table = random.bytes(4096);
  const content = Buffer.alloc(2 * AREA);
  for (let at = 0; at < content.length; at += AREA)
    for (let offset = 0; offset < AREA; offset += table.length) table.copy(content, at + offset);
  for (const one of LENGTHS)
    for (const other of LENGTHS)
      await compare(content, [partAt(0, one), partAt(1, other)], 512, `${one} and ${other}`);
});

test('random tables: equal, different from some byte on, or altogether', async () => {
  const random = new Random(2);
  const base = random.bytes(4 * AREA);
  for (let round = 0; round < 60; round++) {
    const content = Buffer.from(base);
    const count = random.between(1, 4);
    const length = random.pick([...LENGTHS, 16 * random.below(AREA / 16)]);
    const told: string[] = [`${length} bytes`];
    const parts = Array.from({ length: count }, (_, index) => {
      if (index === 0) return partAt(0, length);
      const kind = random.pick(['equal', 'equal', 'byte', 'shorter', 'longer', 'other'] as const);
      if (kind !== 'other') content.copy(content, index * AREA, 0, AREA);
      const at = index * AREA + random.pick([0, length - 1, CHUNK - 1, CHUNK, random.below(length + 1)]);
      if (kind === 'byte' && at >= 0) content[at] = (content[at] ?? 0) ^ 1;
      told.push(kind === 'byte' ? `byte ${at - index * AREA}` : kind);
      const change = kind === 'shorter' ? -16 : kind === 'longer' ? 16 : 0;
      return partAt(index, Math.min(Math.max(0, length + change), AREA));
    });
    await compare(content, parts, random.pick([512, 4096]), told.join(', '));
  }
});

test('nothing to sum', async () => {
  const device = new MemoryDevice(new Uint8Array(4096));
  assert.equal(await sumTables(device, []), []);
  assert.equal(await sumTables(device, [partAt(0, 0)]), [{ crc: 0, unreadable: [], sameAsFirst: true }]);
});

test('what is behind the live bytes is not looked at', async () => {
  const content = new Random(3).bytes(2 * AREA);
  content.copy(content, AREA, 0, CHUNK + 32);
  await compare(content, [partAt(0, CHUNK + 32), partAt(1, CHUNK + 32)], 512, 'equal as far as they live');
});

test('read errors are told for the table that has them', async () => {
  const random = new Random(4);
  const table = random.bytes(2 * CHUNK);
  const content = Buffer.alloc(2 * AREA);
  table.copy(content, 0);
  table.copy(content, AREA);
  const errors = new ErrorDevice(new MemoryDevice(content));
  const second = AREA / 512;
  errors.addFault({ sector: second + 5, on: 'read' });
  errors.addFault({ sector: second + CHUNK / 512 + 1, count: 2, on: 'read' });
  const [first, bad] = await sumTables(errors, [partAt(0, table.length), partAt(1, table.length)]);
  assert.equal(first, { crc: crc32([table]), unreadable: [], sameAsFirst: true });
  assert.equal(bad?.unreadable, [
    { at: (second + 5) * 512, length: 512, errno: 'EIO' },
    { at: AREA + CHUNK + 512, length: 1024, errno: 'EIO' },
  ]);
});
