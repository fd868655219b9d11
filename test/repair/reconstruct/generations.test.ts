import { buildImage, endPlace, patch, seal } from '../../support/build-image.js';
import { assert, suite } from '../../support/harness.js';
import {
  backupTable,
  entriesOf,
  flip,
  found,
  idsOf,
  isContentOf,
  MAX_ENTRIES,
  proven,
  spare,
  spoil,
} from './scenes.js';

/** Copies of several generations, sets and lives: what counts, and what a match does not prove. */

const test = suite('reconstruct generations');

/** The primary of one image with the backup of another. */
function joined(primary: Buffer, backup: Buffer): Buffer {
  const image = Buffer.from(primary);
  backup.copy(image, backupTable(backup), backupTable(backup));
  return image;
}

const moved = entriesOf(200).map(([main, at], slot) => [main, slot === 7 ? Number(at) + 500 : at] as const);
const older = spare('redundant', { generation: 6 });
const newer = spare('redundant', { generation: 7, entries: moved });

test('of two corrected copies the newer is proven', () => {
  const image = joined(older, newer);
  flip(image, 4096 + 2000);
  flip(image, backupTable(image) + 1000);
  const candidate = proven(image);
  assert.ok(isContentOf(candidate, newer));
  assert.is(candidate?.generation, 7);
  assert.equal(
    found(image).map(({ generation }) => generation),
    [7, 6],
  );
});

test('a match of the older one proves that one, and says what else is claimed', () => {
  const image = joined(older, newer);
  flip(image, 4096 + 2000);
  spoil(image, backupTable(image) + 16 * 7);
  spoil(image, endPlace(image) + 300);
  const candidate = proven(image);
  assert.ok(isContentOf(candidate, older));
  assert.equal(candidate?.fits, ['primary']);
  assert.equal(idsOf(candidate), ['copy-damaged']);

  const later = spare('redundant', { generation: 9, entries: moved });
  const far = joined(older, later);
  flip(far, 4096 + 2000);
  spoil(far, backupTable(far) + 16 * 7);
  spoil(far, endPlace(far) + 300);
  assert.equal(idsOf(proven(far)), ['copy-claims-newer']);
});

test('the older one is not proven where the newer is found, if only as a guess', () => {
  const many = entriesOf(1000);
  const before = spare('redundant', { generation: 6, entries: many });
  const after = spare('redundant', {
    generation: 7,
    entries: many.map(([main, at], slot) => [main, slot === 7 ? Number(at) + 1000 : at] as const),
  });
  const image = joined(before, after);
  // the older by a block of the newer, the newer by a bit in what only it has
  spoil(image, 4096 + 4096);
  flip(image, backupTable(image) + 16 * 7);
  assert.is(proven(image), undefined);
  assert.equal(
    found(image).map(({ generation }) => generation),
    [6, 7],
  );
});

test('a torn commit is put together from both copies', () => {
  // the backup is of the new generation but for one block, which has arrived in the primary
  const many = entriesOf(1000);
  const before = spare('redundant', { generation: 6, entries: many });
  const changed = many.map(([main, at], slot) => [slot === 300 ? Number(main) + 1 : main, at] as const);
  const after = spare('redundant', { generation: 7, entries: changed });
  const image = joined(before, after);
  after.copy(image, 4096 + 4096, 4096 + 4096, 4096 + 8192);
  before.copy(image, backupTable(image) + 4096, 4096 + 4096, 4096 + 8192);
  const candidate = proven(image);
  assert.is(candidate?.kind, 'mixture');
  assert.ok(isContentOf(candidate, after));
});

test('a backup of an older life is never put before a plain primary', () => {
  const life = { creation_time: 1_600_000_000 };
  const image = joined(
    spare('plain', { generation: 2 }),
    spare('redundant', { generation: 90, fields: life }),
  );
  flip(image, 4096 + 2000);
  assert.ok(isContentOf(proven(image), spare('plain', { generation: 2 })));
  flip(image, backupTable(image) + 2000);
  assert.ok(isContentOf(proven(image), spare('plain', { generation: 2 })));
  // where nothing of the primary can be had, the backup still is not its copy
  spoil(image, 4096 + 2000);
  assert.is(proven(image), undefined);
  assert.ok(found(image).some(({ generation }) => generation === 90));
});

test('two sets on one device contradict each other', () => {
  const other = { set_uuid: Buffer.alloc(16, 7) };
  const image = joined(
    spare('redundant', { generation: 5 }),
    spare('redundant', { generation: 9, fields: other }),
  );
  flip(image, backupTable(image) + 1000);
  flip(image, 4096 + 2000);
  const candidate = proven(image);
  assert.is(candidate?.generation, 5);
  assert.ok(idsOf(candidate).includes('copy-claims-other-set'));
});

test('two contents of one generation prove nothing', () => {
  const image = joined(spare('redundant', { generation: 7 }), newer);
  flip(image, 4096 + 2000);
  flip(image, backupTable(image) + 1000);
  assert.is(proven(image), undefined);
  assert.is(found(image).length, 2);
  // nor where one of them only lost its magic, and is found before the other
  const half = joined(spare('redundant', { generation: 7 }), newer);
  half.fill(0, 0, 8);
  flip(half, backupTable(half) + 1000);
  assert.is(proven(half), undefined);
});

test('a grown device: the backup lies where the primary says', () => {
  const image = Buffer.concat([newer, Buffer.alloc(1 << 20)]);
  flip(image, 4096 + 1000);
  flip(image, newer.length - 4096 + 60);
  const candidate = proven(image);
  assert.ok(isContentOf(candidate, newer));
  assert.equal(idsOf(candidate), ['device-grown']);
});

test('a header that was moved to another table is put right by neither', () => {
  const image = buildImage({
    layout: 'plain',
    sectors: 3000,
    maxEntries: MAX_ENTRIES,
    entries: entriesOf(100),
  });
  patch(image, 'primary', 'generation', 2);
  seal(image, 'primary');
  patch(image, 'primary', 'generation', 4097);
  patch(image, 'primary', 'creation_time', 5);
  assert.equal(found(image), []);
});
