import { EntrySet } from '../../../src/repair/reconstruct/entry-set.js';
import { assert, suite } from '../../support/harness.js';
import { Random } from '../../support/random.js';

const test = suite('entry set');

/** Entries of few different values, so that many are equal, as bytes and as text. */
function some(count: number, random: Random): { bytes: Buffer; texts: string[] } {
  const entries = Array.from({ length: count }, () => {
    const entry = Buffer.alloc(16);
    entry.writeUInt32LE(random.below(40), random.pick([0, 8]));
    entry.writeUInt32LE(random.below(2), random.pick([4, 12]));
    return entry;
  });
  return { bytes: Buffer.concat(entries), texts: entries.map((entry) => entry.toString('hex')) };
}

test('what is left after some were taken out, each once and in order', () => {
  const random = new Random(5);
  for (let turn = 0; turn < 200; turn++) {
    const kept = some(random.below(120), random);
    const taken = some(random.below(60), random);
    const set = new EntrySet(kept.bytes);
    const view = new DataView(taken.bytes.buffer, taken.bytes.byteOffset, taken.bytes.length);
    for (let at = 0; at < taken.bytes.length; at += 16) set.delete(view, at);
    const expected = new Set(kept.texts);
    for (const text of taken.texts) expected.delete(text);
    assert.is(Buffer.from(set.toBytes()).toString('hex'), [...expected].join(''));
  }
});
