import { RemapTable } from '../../src/format/entry.js';
import { startAsItLies } from '../../src/repair/starts.js';
import { contentOf, sealedBlock } from '../../src/store/content.js';
import type { Copy } from '../../src/store/copy.js';
import { buildImage } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';

const test = suite('what a repair begins with');

/** The generator of the CRC-32, in the order in which a checksum takes bits: added anywhere it changes none. */
const GENERATOR = (0xedb88320n << 1n) | 1n;

test('contents that one checksum fits have different ids', () => {
  const image = buildImage({ layout: 'plain', sectors: 2048, entries: [[7, 300]] });
  const block = image.subarray(0, 4096);
  const other = Buffer.from(image.subarray(4096, 4112));
  other.writeBigUInt64LE(other.readBigUInt64LE(0) ^ GENERATOR, 0);
  const [one, two] = [image.subarray(4096, 4112), other].map((table) =>
    contentOf(block, new RemapTable(new Uint8Array(table))),
  );
  assert.ok(one !== undefined && two !== undefined);
  assert.equal(sealedBlock(one, 'primary'), sealedBlock(two, 'primary'));
  const copy = { name: 'primary' } as Copy;
  assert.is.not(startAsItLies(copy, one, []).id, startAsItLies(copy, two, []).id);
});
