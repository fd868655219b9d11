import fc from 'fast-check';
import { LiveEntries } from '../../src/remap/live-entries.js';
import { route } from '../../src/remap/route.js';
import { bytes, sectors } from '../../src/units.js';
import { assert, suite } from '../support/harness.js';

/** Where the bytes of a request live, byte by byte. */

const test = suite('route');
const RUNS = { seed: 20_231_001, numRuns: 500 };

function entriesOf(model: Readonly<Record<number, number>>): LiveEntries {
  const entries = new LiveEntries(100);
  for (const [main, spare] of Object.entries(model)) entries.add(sectors(Number(main)), sectors(spare));
  return entries;
}

test('nothing remapped is one run of main', () => {
  assert.equal(route(entriesOf({ 10: 1 }), bytes(0), 5120), [{ on: 'main', at: 0, from: 0, length: 5120 }]);
  assert.equal(route(entriesOf({ 10: 1 }), bytes(5632), 1), [{ on: 'main', at: 5632, from: 0, length: 1 }]);
  assert.equal(route(entriesOf({}), bytes(77), 0), []);
});

test('neighbours that live in one piece are one run', () => {
  assert.equal(route(entriesOf({ 1: 50, 2: 51, 3: 60, 5: 61 }), bytes(300), 3000), [
    { on: 'main', at: 300, from: 0, length: 212 },
    { on: 'spare', at: 50 * 512, from: 212, length: 1024 },
    { on: 'spare', at: 60 * 512, from: 1236, length: 512 },
    { on: 'main', at: 2048, from: 1748, length: 512 },
    { on: 'spare', at: 61 * 512, from: 2260, length: 512 },
    { on: 'main', at: 3072, from: 2772, length: 228 },
  ]);
});

test('a part of a sector is that part of its new place', () => {
  assert.equal(route(entriesOf({ 4: 9 }), bytes(4 * 512 + 10), 20), [
    { on: 'spare', at: 9 * 512 + 10, from: 0, length: 20 },
  ]);
});

test('every byte of any request is where the table says, in as few runs as there can be', () => {
  const model = fc.dictionary(
    fc.integer({ min: 0, max: 12 }).map(String),
    fc.integer({ min: 100, max: 106 }),
    { maxKeys: 8 },
  );
  const property = fc.property(model, fc.nat(6000), fc.nat(3000), (remaps, offset, length) => {
    const runs = route(entriesOf(remaps), bytes(offset), length);
    let from = 0;
    runs.forEach((run, index) => {
      assert.is(run.from, from);
      assert.ok(run.length > 0);
      for (const byte of [0, run.length >> 1, run.length - 1]) {
        const place = offset + from + byte;
        const spare = remaps[String(Math.floor(place / 512))];
        assert.is(run.on, spare === undefined ? 'main' : 'spare');
        assert.is(run.at + byte, spare === undefined ? place : spare * 512 + (place % 512));
      }
      const next = runs[index + 1];
      assert.not(next?.on === run.on && next.at === run.at + run.length, 'two runs could be one');
      from += run.length;
    });
    assert.is(from, length);
  });
  fc.assert(property, RUNS);
});

test('offsets near 2^53 are exact', () => {
  const sector = 2 ** 44 - 1;
  const at = sector * 512 + 1;
  assert.equal(route(entriesOf({ [sector]: 2 ** 43 }), bytes(at - 2), 3), [
    { on: 'main', at: at - 2, from: 0, length: 1 },
    { on: 'spare', at: 2 ** 52, from: 1, length: 2 },
  ]);
});
