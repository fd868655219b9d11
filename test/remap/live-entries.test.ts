import fc from 'fast-check';
import { encodeEntries, RemapTable } from '../../src/format/entry.js';
import { LiveEntries } from '../../src/remap/live-entries.js';
import { sectors } from '../../src/units.js';
import { assert, suite } from '../support/harness.js';

/** Entries by slot and by sector, against the table of a model that obeys format.md section 1. */

const test = suite('live entries');
const RUNS = { seed: 20_231_001, numRuns: 300 };

/** The table as it lies on the device. */
function table(entries: LiveEntries): [number, number][] {
  return Array.from({ length: entries.count }, (_, slot) => [entries.mainAt(slot), entries.spareAt(slot)]);
}

test('entries come and go as in the table on the device', () => {
  const step = fc.record({ main: fc.integer({ min: 0, max: 20 }), adds: fc.boolean() });
  const property = fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
    const entries = new LiveEntries(20);
    const model: [number, number][] = [];
    steps.forEach(({ main, adds }, spare) => {
      const slot = model.findIndex(([known]) => known === main);
      if (adds && slot < 0 && model.length < 20) {
        assert.is(entries.add(sectors(main), sectors(spare)), model.length);
        model.push([main, spare]);
      } else if (adds) {
        assert.throws(() => entries.add(sectors(main), sectors(spare)), RangeError);
      } else {
        const removal = entries.remove(sectors(main));
        assert.equal(removal, slot < 0 ? undefined : { spare: model[slot]?.[1], slot });
        const last = slot < 0 ? undefined : model.pop();
        if (last !== undefined && slot < model.length) model[slot] = last;
      }
      assert.equal(table(entries), model);
    });
    for (let main = 0; main <= 20; main++)
      assert.is(entries.spareOf(sectors(main)), model.find(([known]) => known === main)?.[1]);
    const visited: [number, number][] = [];
    entries.walk(5, 15, (main, spare) => visited.push([main, spare]));
    assert.equal(
      visited,
      model.filter(([main]) => main >= 5 && main < 15).sort(([a], [b]) => a - b),
    );
  });
  fc.assert(property, RUNS);
});

test('a table is loaded slot by slot', () => {
  const rows = [
    [9n, 100n],
    [2n ** 50n, 101n],
    [3n, 99n],
  ] as const;
  const entries = new LiveEntries(1000, new RemapTable(encodeEntries(rows)));
  assert.equal(
    table(entries),
    rows.map((row) => row.map(Number)),
  );
  assert.is(entries.spareOf(sectors(2 ** 50)), 101);
});

test('a table as large as its capacity has no room', () => {
  const entries = new LiveEntries(1, new RemapTable(encodeEntries([[1n, 2n]])));
  assert.ok(entries.isFull);
  assert.throws(() => entries.add(sectors(5), sectors(6)), /more than 1 entries/);
});

test('a main sector that stands twice is refused', () => {
  const rows = [
    [1n, 2n],
    [1n, 3n],
  ] as const;
  assert.throws(() => new LiveEntries(5, new RemapTable(encodeEntries(rows))), /main sector 1/);
});
