import { isAligned } from '../../src/device/aligned.js';
import { BufferPool } from '../../src/server/buffer-pool.js';
import { assert, suite } from '../support/harness.js';

const test = suite('buffer pool');

const KiB = 1024;

/** Notes what it is told. */
function pool(limit: number): { pool: BufferPool; told: string[] } {
  const told: string[] = [];
  const events = { tight: () => told.push('tight'), eased: () => told.push('eased') };
  return { pool: new BufferPool(limit, events), told };
}

test('buffers are as long as asked for, and come back whole whatever part is given', () => {
  for (const length of [1, 4096, 4097, 32 * KiB, 32 * KiB + 1, 256 * KiB, 1 << 20]) {
    const { pool: memory } = pool(1 << 30);
    const first = memory.take(length);
    assert.is(first.length, length);
    const { out } = memory;
    assert.ok(out >= length && out < Math.max(8192, 2 * length), `${out} for ${length}`);
    memory.giveBack(first.subarray(0, Math.min(length, 3)));
    assert.is(memory.out, 0);
    const second = memory.take(length);
    assert.is(second.buffer, first.buffer, 'the same memory');
    assert.is(second.byteOffset, first.byteOffset);
    assert.is(second.length, length);
  }
});

test('long ones begin on a page', () => {
  const { pool: memory } = pool(1 << 30);
  for (const length of [32 * KiB, 100 * KiB, 256 * KiB, 4 << 20]) {
    const buffer = memory.take(length);
    assert.ok(isAligned(buffer, 4096), `${length} bytes`);
    assert.ok(isAligned(buffer.subarray(512), 512));
    assert.not.ok(isAligned(buffer.subarray(512), 4096));
    memory.giveBack(buffer);
    assert.ok(isAligned(memory.take(length - 1), 4096), 'also when it is used again');
  }
});

test('it tells when it is tight and when it is not any more', () => {
  const { pool: memory, told } = pool(128 * KiB);
  const buffers = [memory.take(64 * KiB), memory.take(64 * KiB), memory.take(64 * KiB)];
  assert.equal(told, ['tight']);
  assert.ok(memory.isTight);
  for (const buffer of buffers) memory.giveBack(buffer);
  assert.equal(told, ['tight', 'eased']);
  assert.is(memory.out, 0);
});
