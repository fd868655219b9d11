import fc from 'fast-check';
import { type RangeLock, RangeLocks } from '../../src/serve/range-locks.js';
import { assert, suite } from '../support/harness.js';

const test = suite('range locks');

const ask = fc.record({ from: fc.nat(20), length: fc.integer({ min: 1, max: 6 }), alone: fc.boolean() });

function meet(a: RangeLock, b: RangeLock): boolean {
  return a.from < b.end && b.from < a.end && (a.alone || b.alone);
}

test('who overlaps comes one after the other in the order of asking, and nobody else waits', async () => {
  const property = fc.asyncProperty(
    fc.array(ask, { maxLength: 25 }),
    fc.infiniteStream(fc.nat()),
    async (asks, picks) => {
      const locks = new RangeLocks();
      const waiting: RangeLock[] = [];
      const held: RangeLock[] = [];
      const granted = (lock: RangeLock): void => {
        const index = waiting.findIndex(
          (one) => one.from === lock.from && one.end === lock.end && one.alone === lock.alone,
        );
        assert.ok(!held.some((one) => meet(one, lock)), 'two hold what one should');
        assert.ok(!waiting.slice(0, index).some((one) => meet(one, lock)), 'somebody was passed over');
        waiting.splice(index, 1);
        held.push(lock);
      };
      const settled = async (): Promise<void> => {
        await new Promise((resolve) => setImmediate(resolve));
        for (const [index, one] of waiting.entries())
          assert.ok(
            [...held, ...waiting.slice(0, index)].some((other) => meet(other, one)),
            'one waits for nobody',
          );
      };
      for (const { from, length, alone } of asks) {
        const wanted = { from, end: from + length, alone };
        const isFree = locks.isFree(wanted.from, wanted.end);
        const isQuiet = locks.isQuiet(wanted.from, wanted.end);
        const known = [...held, ...waiting];
        assert.is(isFree, !known.some((one) => meet(one, { ...wanted, alone: true })));
        assert.is(isQuiet, !known.some((one) => meet(one, { ...wanted, alone: false })));
        waiting.push(wanted);
        const lock = locks.acquire(wanted.from, wanted.end, alone);
        if (lock instanceof Promise) void lock.then(granted);
        else granted(lock);
        await settled();
        if ((picks.next().value ?? 0) % 2 === 0) await letGo();
      }
      while (held.length > 0) await letGo();
      assert.equal(waiting, []);

      async function letGo(): Promise<void> {
        const [lock] = held.splice((picks.next().value ?? 0) % Math.max(1, held.length), 1);
        if (lock !== undefined) locks.release(lock);
        await settled();
      }
    },
  );
  await fc.assert(property, { numRuns: 150 });
});
