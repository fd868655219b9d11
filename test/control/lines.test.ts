import { LineCutter } from '../../src/control/lines.js';
import { assert, suite } from '../support/harness.js';

/** Lines come out the same, wherever the stream is cut. */

const test = suite('control lines');

const TEXT = Buffer.from('ping\n\nremap 5\nattach /dev/disk/by-id/größe\nsave');
const LINES = ['ping', '', 'remap 5', 'attach /dev/disk/by-id/größe'];

test('cut at every point, and byte by byte', () => {
  for (let cut = 0; cut <= TEXT.length; cut++) {
    const cutter = new LineCutter(100);
    const lines = [TEXT.subarray(0, cut), TEXT.subarray(cut)].flatMap((chunk) => cutter.take(chunk) ?? []);
    assert.equal(lines, LINES, `cut at ${cut}`);
  }
  const cutter = new LineCutter(100);
  assert.equal(
    [...TEXT].flatMap((byte) => cutter.take(Uint8Array.of(byte)) ?? []),
    LINES,
  );
});

test('a line may be as long as that, and not longer', () => {
  assert.equal(new LineCutter(4).take(Buffer.from('ping\n')), ['ping']);
  assert.is(new LineCutter(3).take(Buffer.from('ping\n')), undefined);
  const cutter = new LineCutter(3);
  assert.equal(cutter.take(Buffer.from('abc')), []);
  assert.is(cutter.take(Buffer.from('d')), undefined);
});

test('the chunk that held the start of a line may be used again', () => {
  const cutter = new LineCutter(10);
  const chunk = Buffer.from('pi');
  cutter.take(chunk);
  chunk.fill(0);
  assert.equal(cutter.take(Buffer.from('ng\n')), ['ping']);
});
