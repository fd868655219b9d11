import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { hexdump } from '../../../src/cli/render/hexdump.js';
import { assert, needs, suite } from '../../support/harness.js';

const test = suite('render/hexdump');

test('rows, offsets and the ASCII column', () => {
  const data = Buffer.from('DMREMAP3\0\x01\x7f~ \xffend', 'latin1');
  assert.equal(
    [...hexdump(data, 0x1000)],
    [
      '00001000  44 4d 52 45 4d 41 50 33  00 01 7f 7e 20 ff 65 6e  |DMREMAP3...~ .en|',
      '00001010  64                                                |d|',
      '00001011',
    ],
  );
});

test('equal rows are squeezed, the last offset tells how many', () => {
  assert.equal(
    [...hexdump(new Uint8Array(64))],
    ['00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|', '*', '00000040'],
  );
});

test('nothing gives nothing; offsets beyond 32 bits are whole', () => {
  assert.equal([...hexdump(new Uint8Array(0))], []);
  assert.is([...hexdump(new Uint8Array(1), 2n ** 40n)].at(-1), '10000000001');
});

test('the same as hexdump -C', () => {
  needs('hexdump');
  const runs = fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1, max: 70 })), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(runs, (list) => {
      const data = Buffer.concat(list.map(([byte, count]) => Buffer.alloc(count, byte)));
      const expected = execFileSync('hexdump', ['-C'], { input: data, encoding: 'utf8' });
      assert.is([...hexdump(data)].map((line) => `${line}\n`).join(''), expected);
    }),
    { numRuns: 30 },
  );
});
