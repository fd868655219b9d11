import fc from 'fast-check';
import { LiveEntries } from '../../src/remap/live-entries.js';
import { type Span, sectorsIn, select, sizeOf, spansOf, without } from '../../src/remap/selection.js';
import { sectors } from '../../src/units.js';
import { assert, suite } from '../support/harness.js';

const test = suite('selection of sectors');
const MAIN = 45;

const span = fc
  .tuple(fc.nat(MAIN - 1), fc.integer({ min: 1, max: 9 }))
  .map(([first, count]): Span => [first, Math.min(MAIN, first + count)]);
const spans = fc.array(span, { maxLength: 6 });

test('named sectors, sector by sector', () => {
  fc.assert(
    fc.property(spans, fc.uniqueArray(fc.nat(MAIN - 1)), fc.constantFrom(1, 8), (named, remapped, block) => {
      const entries = new LiveEntries(100);
      for (const main of remapped) entries.add(sectors(main), sectors(main + 1000));
      const found = select(entries, named, block, MAIN);
      const isNamed = (sector: number) => named.some(([first, end]) => sector >= first && sector < end);
      const all = Array.from({ length: MAIN }, (_, sector) => sector);
      const isMeant = (sector: number) =>
        all.some((other) => Math.floor(other / block) === Math.floor(sector / block) && isNamed(other));
      const has = (sector: number) => remapped.includes(sector);
      const expected = {
        homeless: all.filter((sector) => isMeant(sector) && !has(sector)),
        remapped: all.filter((sector) => isMeant(sector) && has(sector)),
        namedRemapped: all.filter((sector) => isNamed(sector) && has(sector)),
        namedHomeless: all.filter((sector) => isNamed(sector) && !has(sector)),
      };
      for (const key of Object.keys(expected) as (keyof typeof expected)[]) {
        assert.equal([...sectorsIn(found[key])], expected[key], key);
        assert.is(sizeOf(found[key]), expected[key].length);
        if (key !== 'homeless' && key !== 'namedHomeless')
          assert.equal(found[key], spansOf(expected[key]), key);
      }
    }),
  );
});

test('what is left without others', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(MAIN)), fc.uniqueArray(fc.nat(MAIN)), (some, others) => {
      const ascending = (list: number[]) => list.toSorted((a, b) => a - b);
      const left = without(spansOf(ascending(some)), spansOf(ascending(others)));
      assert.equal(left, spansOf(ascending(some).filter((sector) => !others.includes(sector))));
    }),
  );
});
