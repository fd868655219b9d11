import { assert, suite } from '../support/harness.js';
import { deviceOf, ids, MIB, SparseDevice } from './support.js';

/** Bytes without meaning hold no signature, not even around a planted magic. */

const test = suite('signatures and chance');

const FRONT = 65536;

/** xorshift32: the same bytes in every run. */
function randomFill(seed: number): (words: Uint32Array) => void {
  let state = seed;
  return (words) => {
    for (let index = 0; index < words.length; index++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[index] = state;
    }
  };
}

test(
  '10,000 random devices of 64 KiB',
  async () => {
    const fill = randomFill(0x5eed);
    const words = new Uint32Array(FRONT / 4);
    const content = new Uint8Array(words.buffer);
    for (let round = 0; round < 10_000; round++) {
      fill(words);
      assert.equal(await deviceOf(content).probe(), [], `round ${round}`);
    }
  },
  { timeoutMs: 300_000 },
);

test('random devices long enough for every place', async () => {
  const fill = randomFill(0xcafe);
  const words = new Uint32Array((8 * MIB) / 4);
  for (let round = 0; round < 8; round++) {
    fill(words);
    assert.equal(await deviceOf(new Uint8Array(words.buffer)).probe(), [], `round ${round}`);
  }
});

test('short magics in random surroundings', async () => {
  const magics = [
    { at: 1024 + 56, bytes: [0x53, 0xef] },
    { at: 0, bytes: [...Buffer.from('XFSB')] },
    { at: 1024, bytes: [0x10, 0x20, 0xf5, 0xf2] },
    { at: 510, bytes: [0x55, 0xaa] },
    { at: 4096, bytes: [0xfc, 0x4e, 0x2b, 0xa9] },
    { at: FRONT - 8192, bytes: [0xfc, 0x4e, 0x2b, 0xa9] },
    { at: 32768, bytes: [...Buffer.from('JFS1')] },
    { at: 32769, bytes: [...Buffer.from('CD001')] },
    { at: 4096, bytes: [...Buffer.from('EFI PART')] },
    { at: 512, bytes: [...Buffer.from('LABELONE')] },
    { at: 0x4000, bytes: [...Buffer.from('SKUL'), 0xba, 0xbe] },
    { at: FRONT - 4096, bytes: [...Buffer.from('DMREMAP3')] },
  ];
  const fill = randomFill(0xbeef);
  const words = new Uint32Array(FRONT / 4);
  const content = new Uint8Array(words.buffer);
  for (const { at, bytes } of magics) {
    for (let round = 0; round < 300; round++) {
      fill(words);
      content.set(bytes, at);
      assert.equal(await deviceOf(content).probe(), [], `magic at ${at}, round ${round}`);
    }
  }
});

test('a jump as boot sectors begin, in random surroundings', async () => {
  const fill = randomFill(0xfa7);
  const words = new Uint32Array(1024);
  const content = new Uint8Array(words.buffer);
  for (let round = 0; round < 20_000; round++) {
    fill(words);
    content.set([0xeb, 0x3c, 0x90], 0);
    assert.equal(await deviceOf(content).probe(), [], `round ${round}`);
  }
});

test('sector numbers that look like magics, in a table of remaps', async () => {
  // As little-endian numbers: ZFS, md, F2FS, JFS, XFS, EROFS, squashfs.
  const texts = [
    '\x0c\xb1\xba\0',
    '\xfc\x4e\x2b\xa9',
    '\x10\x20\xf5\xf2',
    'JFS1',
    'XFSB',
    '\xe2\xe1\xf5\xe0',
    'hsqs',
  ];
  const spares = [12, 90, 91, 300, 4096];
  for (const text of texts) {
    const main = Buffer.from(text, 'latin1').readUInt32LE();
    for (const spare of spares) {
      const content = Buffer.alloc(4 * MIB);
      for (let at = 0; at < content.length; at += 16) {
        content.writeBigUInt64LE(BigInt(main), at);
        content.writeBigUInt64LE(BigInt(spare), at + 8);
      }
      assert.equal(await deviceOf(content).probe(), [], `main ${main}, spare ${spare}`);
    }
  }
});

test('zeros and ones of any size', async () => {
  const sizes = [0, 512, 1024, 3584, 4096, 4608, 8192, 65536, 65536 + 512, MIB, 3 * MIB - 512];
  for (const size of sizes) {
    assert.equal(ids(await new SparseDevice(size).probe()), [], `${size} zeros`);
    const ones = new SparseDevice(size).put(0, new Uint8Array(size).fill(0xff));
    assert.equal(ids(await ones.probe()), [], `${size} ones`);
  }
  assert.equal(await new SparseDevice(16 * 2 ** 40).probe(), []);
});
