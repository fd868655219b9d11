import * as fc from 'fast-check';
import type { Phase } from '../../src/store/phase.js';
import { afterBytes, planUndo } from '../../src/undo/plan.js';
import { bytes } from '../../src/units.js';
import { crc32 } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { phasesOf, SECTOR } from './support.js';

const test = suite('undo plan');

/** [first sector, sectors, phase] of each block. */
function places(phases: readonly Phase[]): number[][] {
  return planUndo(phases).map(({ at, length, phase }) => [at / SECTOR, length / SECTOR, phase]);
}

test('writes that touch or overlap become one block', () => {
  const phases = phasesOf([
    [8, 8, 1],
    [0, 8, 2],
    [30, 2, 3],
    [16, 1, 4],
    [15, 4, 5],
  ]);
  assert.equal(places(phases), [
    [0, 19, 0],
    [30, 2, 0],
  ]);
});

test('the phase that has the last word divides blocks', () => {
  const phases = phasesOf([[0, 10, 1]], [[4, 2, 2]], [[10, 2, 3]]);
  assert.equal(places(phases), [
    [0, 4, 0],
    [4, 2, 1],
    [6, 4, 0],
    [10, 2, 2],
  ]);
  const [, middle] = planUndo(phases);
  const earlier = crc32([new Uint8Array(SECTOR).fill(1)]);
  assert.equal(middle?.between, [
    { index: 0, crc: earlier },
    { index: 1, crc: earlier },
  ]);
});

test('content written twice alike is nothing in between', () => {
  const [block, ...more] = planUndo(phasesOf([[0, 2, 7]], [[0, 2, 7]]));
  assert.equal(more, []);
  assert.equal(block?.between, []);
  assert.is(block?.phase, 1);
});

test('nothing, and writes of nothing', () => {
  assert.equal(planUndo([]), []);
  assert.equal(planUndo(phasesOf([], [[5, 0, 1]])), []);
});

test('a write that is not in whole sectors', () => {
  const crooked = (at: number, length: number): Phase[] => [
    { purpose: 'crooked', writes: [{ at: bytes(at), bytes: new Uint8Array(length) }] },
  ];
  assert.throws(() => planUndo(crooked(1, SECTOR)), /not in whole sectors/);
  assert.throws(() => planUndo(crooked(0, 100)), /not in whole sectors/);
});

test('any phases: the blocks are what is written, in its final content', () => {
  const SECTORS = 24;
  const write = fc.tuple(fc.nat(SECTORS - 1), fc.nat(6), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(fc.array(fc.array(write, { maxLength: 4 }), { maxLength: 4 }), (lists) => {
      const phases = phasesOf(
        ...lists.map((list) =>
          list.map(([at, count, fill]) => [at, Math.min(count, SECTORS - at), fill] as const),
        ),
      );
      const disk = new Uint8Array(SECTORS * SECTOR);
      const last = new Array<number>(SECTORS).fill(-1);
      for (const [index, { writes }] of phases.entries())
        for (const { at, bytes: content } of writes) {
          disk.set(content, at);
          last.fill(index, at / SECTOR, (at + content.length) / SECTOR);
        }
      const seen = new Array<number>(SECTORS).fill(-1);
      let end = -1;
      for (const block of planUndo(phases)) {
        const content = disk.subarray(block.at, block.at + block.length);
        assert.ok(block.at >= end, 'ascending');
        end = block.at + block.length;
        seen.fill(block.phase, block.at / SECTOR, end / SECTOR);
        assert.is(block.crcAfter, crc32([content]));
        for (let from = 0; from < block.length; from += SECTOR)
          assert.is(block.sectorsAfter[from / SECTOR], crc32([content.subarray(from, from + SECTOR)]));
        assert.equal(afterBytes(phases, block.at, block.length), new Uint8Array(content));
      }
      assert.equal(seen, last);
    }),
  );
});

test('long content that several writes share is summed as it is, also where another write has a part of it', () => {
  const long = new Random(3).bytes(1 << 18);
  const short = new Uint8Array(SECTOR).fill(9);
  const write = (at: number, content: Uint8Array) => ({ at: bytes(at), bytes: content });
  const phases = [
    { purpose: 'one', writes: [write(SECTOR, long), write(0, short)] },
    { purpose: 'other', writes: [write(1 << 20, long), write((1 << 20) + (1 << 17), short)] },
  ];
  const blocks = planUndo(phases);
  assert.equal(
    blocks.map(({ at, length }) => [at, length]),
    [
      [0, SECTOR + long.length],
      [1 << 20, long.length],
    ],
  );
  for (const { at, length, crcAfter, sectorsAfter } of blocks) {
    const content = afterBytes(phases, at, length) ?? new Uint8Array(0);
    assert.is(crcAfter, crc32([content]));
    for (let from = 0; from < length; from += SECTOR)
      assert.is(sectorsAfter[from / SECTOR], crc32([content.subarray(from, from + SECTOR)]));
  }
});

test('final bytes are known only where all are written', () => {
  const phases = phasesOf([[0, 2, 1]], [[1, 2, 2]]);
  const all = afterBytes(phases, bytes(0), bytes(3 * SECTOR));
  assert.equal([all?.[0], all?.[SECTOR], all?.[2 * SECTOR]], [1, 2, 2]);
  assert.is(afterBytes(phases, bytes(0), bytes(4 * SECTOR)), undefined);
});
