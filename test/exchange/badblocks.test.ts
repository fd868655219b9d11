import fc from 'fast-check';
import { badblocksLines, readBadblocks } from '../../src/exchange/badblocks.js';
import { assert, suite } from '../support/harness.js';
import { refusedLine, sectorsOf } from './refusal.js';

const test = suite('badblocks lists');

/** By trying every sector: those that share a byte with a block. */
function sectorsIn(blocks: readonly number[], size: number): Set<number> {
  const found = new Set<number>();
  for (const block of blocks)
    for (let byte = block * size; byte < (block + 1) * size; byte++) found.add(Math.floor(byte / 512));
  return found;
}

const SIZES = [512, 1024, 2048, 4096, 65_536, 1000, 700, 100];

test('a block is the sectors that it shares a byte with, in blocks of any size', () => {
  const blocks = fc.array(fc.nat(40), { maxLength: 12 });
  fc.assert(
    fc.property(
      blocks,
      fc.constantFrom(...SIZES),
      fc.constantFrom('\n', '\r\n', '  \n\n'),
      (list, size, end) => {
        const text = list.map((block) => ` ${block}${end}`).join('');
        const read = readBadblocks(text, size);
        assert.equal(new Set(sectorsOf(read)), sectorsIn(list, size));
        assert.equal(
          read.listed.map(({ line }) => line),
          list.map((_, index) => index * (end === '  \n\n' ? 2 : 1) + 1),
        );
      },
    ),
  );
});

test('numbers of more than 32 bits are exact', () => {
  const block = 2n ** 41n + 3n;
  const [read] = readBadblocks(`${block}\n`, 1024).listed;
  assert.equal(read, { first: Number(block * 2n), count: 2, line: 1 });
});

test('what is no block number gives its line, and nothing is read', () => {
  for (const [text, line] of [
    ['1\n2\nx\n', 3],
    ['1\n-2\n', 2],
    ['\n\n1 2\n', 3],
    ['0x10\n', 1],
    ['1.5', 1],
    ['7\n18446744073709551616\n', 2],
    ['7\n9007199254740991\n', 2],
    ['٣\n', 1],
    ['99999999999999999999999999999999999999999999999999\n', 1],
  ] as const)
    assert.is(
      refusedLine(() => readBadblocks(text, 1024)),
      line,
      text,
    );
  assert.is(
    refusedLine(() => readBadblocks('', 1024)),
    undefined,
  );
});

test('any text is read or refused with a line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => void refusedLine(() => readBadblocks(text, 512))),
  );
});

test('what is written names every block with a bad sector, once, ascending', () => {
  const gaps = fc.array(fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 20 })), { maxLength: 8 });
  fc.assert(
    fc.property(gaps, fc.constantFrom(...SIZES), (pairs, size) => {
      let at = 0;
      const ranges = pairs.map(([gap, count]) => {
        const first = at + gap;
        at = first + count;
        return { first, count };
      });
      const bad = new Set(sectorsOf({ listed: ranges }));
      const wanted: string[] = [];
      for (let block = 0; block * size < at * 512; block++)
        if ([...sectorsIn([block], size)].some((sector) => bad.has(sector))) wanted.push(`${block}`);
      assert.equal([...badblocksLines(ranges as never, size)], wanted);
    }),
  );
});
