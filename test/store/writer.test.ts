import { MemoryDevice } from '../../src/device/memory-device.js';
import { MetadataWriter } from '../../src/store/writer.js';
import { buildImage, type Entry, type ImageSpec } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';

/** A writer that commits again and again: after each commit the independent reader sees exactly that. */

const test = suite('metadata writer');

const NOW = 1_750_000_000n;
const ENTRIES = Array.from({ length: 300 }, (_, index): Entry => [index * 7, 200 + index]);
const SPEC: ImageSpec = { layout: 'redundant', sectors: 2048, entries: ENTRIES };

function remapsIn(device: MemoryDevice): Map<number, number> {
  const { n, truth, why } = judge(Buffer.from(device.content));
  assert.equal([n, why], [0, []]);
  return new Map(truth);
}

test('appended, edited, removed, all at once and one after the other', async () => {
  const device = new MemoryDevice(new Uint8Array(buildImage(SPEC)));
  const writer = await MetadataWriter.open(device);
  const expected = new Map(ENTRIES.map(([main, spare]) => [Number(main), Number(spare)]));
  const commit = async (change: Parameters<MetadataWriter['commit']>[0]) => {
    assert.equal(await writer.commit(change, NOW), { kind: 'committed' });
    assert.equal(
      [...remapsIn(device)],
      [...expected].sort(([a], [b]) => a - b),
    );
  };
  for (let index = 0; index < 700; index++) {
    expected.set(5000 + index, 600 + index);
    await commit({ append: [[5000 + index, 600 + index]] });
  }
  expected.set(7, 1500);
  await commit({ edit: new Map([[1, [7, 1500]]]) });
  for (const slot of [0, 3, 999, 998]) expected.delete(slot < 300 ? slot * 7 : 4700 + slot);
  await commit({ remove: [998, 0, 3, 999] });
  expected.set(1, 1600);
  expected.delete(14);
  await commit({ remove: [2], append: [[1, 1600]], header: { total_remaps_created: 1001n } });
  assert.is(writer.content.header.generation, 704);
});
