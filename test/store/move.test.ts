import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { RemapTable } from '../../src/format/entry.js';
import { firstOccupied } from '../../src/store/beyond.js';
import { type Content, contentOf } from '../../src/store/content.js';
import { moveBackup, movedContent, moveOverlaps, needsMove } from '../../src/store/move.js';
import { carryOut } from '../../src/store/phase.js';
import { bytes } from '../../src/units.js';
import { buildImage, type Entry, endPlace, headerAt, type ImageSpec } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';

/** The backup of a grown device: where it goes, what it is written over, and what must be free for it. */

const test = suite('move');

const NOW = 1_750_000_000;
const entries = Array.from({ length: 300 }, (_, index): Entry => [index * 7, 100 + index]);
const SPEC: ImageSpec = { layout: 'redundant', sectors: 2048, entries };
const OLD_HEADER = 2040 * 512;

function contentIn(image: Buffer): Content {
  const live = image.subarray(4096, 4096 + 16 * image.readUInt32LE(32));
  return contentOf(new Uint8Array(headerAt(image, 0)), new RemapTable(new Uint8Array(live)));
}

function grown(sectors: number): Buffer {
  return buildImage({ ...SPEC, tailBytes: Buffer.alloc(sectors * 512) });
}

async function moved(by: number, primaryCurrent: boolean) {
  const image = grown(by);
  const content = contentIn(image);
  const after = movedContent(content, bytes(image.length), BigInt(NOW));
  const phases = moveBackup(content, after, primaryCurrent, 512);
  const device = new MemoryDevice(new Uint8Array(image));
  await carryOut(device, phases);
  return { image: Buffer.from(device.content), purposes: phases.map(({ purpose }) => purpose) };
}

test('a device that has grown by a whole block at its end needs a move', () => {
  for (const [sectors, needs] of [
    [0, false],
    [1, false],
    [7, false],
    [8, true],
    [200, true],
  ] as const)
    assert.is(needsMove(contentIn(grown(sectors)), bytes((2048 + sectors) * 512)), needs, `${sectors}`);
  const plain = contentIn(buildImage({ ...SPEC, layout: 'plain' }));
  assert.is(needsMove(plain, bytes(4096 * 512)), false);
});

test('afterwards the set is one that was made for the larger device', async () => {
  for (const by of [8, 16, 24, 39, 40, 41, 48, 200, 5000])
    for (const primaryCurrent of [true, false]) {
      const { image } = await moved(by, primaryCurrent);
      const expected = buildImage({
        ...SPEC,
        sectors: 2048 + by,
        generation: 2,
        fields: { last_update_time: NOW },
      });
      const place = endPlace(expected);
      const both = (one: Buffer) =>
        Buffer.concat([
          one.subarray(0, 4096 + 4800),
          one.subarray(place - 16_384, place - 16_384 + 4800),
          headerAt(one, place),
        ]);
      assert.equal(both(image), both(expected), `by ${by} sectors`);
      const erased = image.subarray(OLD_HEADER, OLD_HEADER + 8).toString('latin1');
      assert.is.not(erased, 'DMREMAP3', 'nothing finds the old header');
      assert.equal([judge(image).n, judge(image).truth?.length], [0, 300]);
    }
});

test('the old header is erased last, and not where the new copy lies over it', async () => {
  const purposes = async (by: number) => (await moved(by, true)).purposes.join('; ');
  assert.match(
    await purposes(200),
    /new end; commit generation 2 to the primary copy; erase the old backup header/,
  );
  // 8 sectors on, the new table ends over the old header; its entries do not reach it
  assert.match(await purposes(8), /erase/);
  assert.not.match(await purposes(24), /erase/);
});

test('where the areas overlap the primary is made current first', async () => {
  const overlap = (by: number) => {
    const content = contentIn(grown(by));
    return moveOverlaps(content, movedContent(content, bytes((2048 + by) * 512), 0n));
  };
  // the backup takes 40 sectors
  assert.equal([8, 16, 32, 39, 40, 48].map(overlap), [true, true, true, true, false, false]);
  assert.match((await moved(8, false)).purposes[0] ?? '', /rewrite the primary/);
  assert.match((await moved(40, false)).purposes[0] ?? '', /new end/);
});

test('what stands beyond the known size is looked at to the last sector', async () => {
  const by = 5000;
  const occupied = (change: (image: Buffer) => void) => {
    const image = grown(by);
    change(image);
    return firstOccupied(new MemoryDevice(image), contentIn(image));
  };
  assert.is(await occupied(() => {}), undefined);
  for (const sector of [2048, 2049, 4096, 2048 + by - 1])
    assert.is(await occupied((image) => image.fill(1, sector * 512 + 511, sector * 512 + 512)), sector);
  assert.is(await occupied((image) => image.fill(1, 2047 * 512, 2048 * 512)), undefined);
});

test('what a move that was cut short left there is free, everything else is not', async () => {
  const after = buildImage({ ...SPEC, sectors: 4096, generation: 2, fields: { last_update_time: 77 } });
  const occupied = (change: (image: Buffer) => void) => {
    const image = grown(2048);
    after.copy(image, 2048 * 512, 2048 * 512);
    change(image);
    return firstOccupied(new MemoryDevice(image), contentIn(image));
  };
  assert.is(await occupied(() => {}), undefined);
  assert.is(await occupied((image) => image.fill(0, 4056 * 512, 4057 * 512)), undefined);
  const table = 4096 - 40;
  assert.is(await occupied((image) => image.fill(9, table * 512 + 5, table * 512 + 6)), table);
  assert.is(await occupied((image) => image.fill(9, 4088 * 512 + 60, 4088 * 512 + 61)), 4088);
});

test('a sector that cannot be read is not free', async () => {
  const image = grown(5000);
  for (const sector of [2048, 6000, 7047]) {
    const errors = new ErrorDevice(new MemoryDevice(image));
    errors.addFault({ sector, on: 'read' });
    assert.is(await firstOccupied(errors, contentIn(image)), sector);
  }
});
