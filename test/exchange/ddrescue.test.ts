import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { type DdrescueStatus, mapfileLines, readMapfile } from '../../src/exchange/ddrescue.js';
import { assert, needs, suite } from '../support/harness.js';
import { refusedLine, sectorsOf } from './refusal.js';

const test = suite('ddrescue mapfiles');

const statuses = fc.constantFrom<DdrescueStatus>('?', '*', '/', '-', '+');
const number = fc.constantFrom(
  (value: number) => `${value}`,
  (value: number) => `0x${value.toString(16)}`,
  (value: number) => `0X${value.toString(16).toUpperCase().padStart(10, '0')}`,
  (value: number) => `0${value.toString(8)}`,
);
const junk = fc.constantFrom('', '# heading\n', '\n', '   # pos size status\n\n');

/** A mapfile as somebody else writes it, and which bytes have which status. */
const written = fc
  .tuple(
    fc.nat(3),
    fc.array(fc.tuple(fc.integer({ min: 1, max: 1500 }), statuses, number, number, junk), { maxLength: 12 }),
    junk,
    fc.constantFrom(
      '0x0 ?',
      '0 + 1',
      '0x00120000     -               2',
      '010 F 1',
      '0 G',
      '7 /\t3 # scraping',
    ),
  )
  .map(([start, rows, heading, status]) => {
    let at = start * 512;
    let text = `${heading}${status}\n`;
    const bytes: DdrescueStatus[] = [];
    for (const [length, state, position, size, comment] of rows) {
      text += `${position(at)}  ${size(length)}\t${state} # ${state}\n${comment}`;
      for (let index = 0; index < length; index++) bytes[at + index] = state;
      at += length;
    }
    return { text, bytes };
  });

test('the sectors of every status, whatever the numbers are written in', () => {
  fc.assert(
    fc.property(
      written,
      fc.subarray<DdrescueStatus>(['?', '*', '/', '-', '+']),
      ({ text, bytes }, wanted) => {
        const bad = new Set<number>();
        bytes.forEach((status, at) => {
          if (wanted.includes(status)) bad.add(Math.floor(at / 512));
        });
        assert.equal(new Set(sectorsOf(readMapfile(text, wanted))), bad);
      },
    ),
  );
});

test('positions of more than 32 bits are exact', () => {
  const { listed } = readMapfile('0 ? 1\n0x1F000000000200 0x400 -\n', ['-']);
  assert.equal(listed, [{ first: 0x1f000000000200 / 512, count: 2, line: 2 }]);
});

const ILL_FORMED = [
  ['', 1],
  ['# only comments\n', 1],
  ['0 512 -\n', 1],
  ['0 X 1\n0 512 -\n', 1],
  ['0 ? 1\n0 512\n', 2],
  ['0 ? 1\n0 512 x\n', 2],
  ['0 ? 1\n\n1k 512 -\n', 3],
  ['0 ? 1\n-512 512 -\n', 2],
  ['0 ? 1\n512 0 -\n', 2],
  ['0 ? 1\n08 512 -\n', 2],
  ['0 ? 1\n0 512 -\n1024 512 -\n', 3],
  ['0 ? 1\n0 512 -\n256 512 -\n', 3],
  ['0 ? 1\n1024 512 +\n# c\n0 512 -\n', 4],
  ['0 ? 1\n0x7fffffffffffffff 512 +\n', 2],
  ['0 ? 1\n0x7ffffffffffffc00 512 -\n', 2],
] as const;

test('what ddrescue refuses gives its line, and nothing is read', () => {
  for (const [text, line] of ILL_FORMED)
    assert.is(
      refusedLine(() => readMapfile(text, ['-'])),
      line,
      text,
    );
});

test('any text is read or refused with a line', () => {
  const near = fc.stringMatching(/^(0 \? 1\n)?([0-9x]{1,4} [0-9]{1,3} [-+?*/]\n){0,4}$/);
  fc.assert(
    fc.property(
      fc.oneof(near, fc.string({ unit: 'binary' })),
      (text) => void refusedLine(() => readMapfile(text, ['-'])),
    ),
  );
});

const disk = fc
  .tuple(
    fc.integer({ min: 1, max: 64 }),
    statuses,
    fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 6 }), statuses), { maxLength: 8 }),
  )
  .map(([more, rest, rows]) => {
    let at = 0;
    const blocks = rows.map(([gap, count, status]) => {
      const from = at + gap;
      at = from + count;
      return { at: from * 512, length: count * 512, status };
    });
    return { size: (at + more) * 512, rest, blocks };
  });

test('what is written covers the disk, and is read again as it was', () => {
  fc.assert(
    fc.property(disk, ({ size, rest, blocks }) => {
      const text = `${[...mapfileLines({ heading: ['made by a test'], size, rest }, blocks)].join('\n')}\n`;
      const map = Array.from({ length: size / 512 }, () => rest);
      for (const { at, length, status } of blocks) map.fill(status, at / 512, (at + length) / 512);
      for (const status of ['?', '*', '/', '-', '+'] as const)
        assert.equal(
          sectorsOf(readMapfile(text, [status])),
          map.flatMap((here, sector) => (here === status ? [sector] : [])),
        );
    }),
  );
});

test('ddrescue itself accepts what is written, and reads the same sectors out of it', () => {
  needs('ddrescuelog');
  fc.assert(
    fc.property(disk, ({ size, rest, blocks }) => {
      const input = `${[...mapfileLines({ heading: ['made by a test'], size, rest }, blocks)].join('\n')}\n`;
      const { status, stdout, stderr } = spawnSync('ddrescuelog', ['--list-blocks=-', '-'], {
        input,
        encoding: 'utf8',
      });
      const sectors = stdout.split('\n').filter((line) => line !== '');
      assert.is(stderr.replace('ddrescuelog: Nothing to do; domain is empty.\n', ''), '');
      assert.is(status, 0);
      assert.equal(sectors.map(Number), sectorsOf(readMapfile(input, ['-'])));
    }),
    { numRuns: 30 },
  );
});
