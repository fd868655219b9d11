import { endPlace, type Fields, patchEntry, patchSealed, seal } from '../../support/build-image.js';
import { fixture, fixtureNames } from '../../support/fixtures.js';
import { assert, suite } from '../../support/harness.js';
import {
  backupTable,
  dumpOf,
  entriesOf,
  flip,
  found,
  idsOf,
  isContentOf,
  proven,
  spare,
  spoil,
} from './scenes.js';

/** A content that breaks a rule is never proven, however well the checksum fits. */

const test = suite('reconstruct rules');

const BREACHES: readonly (readonly [id: string, fields: Fields])[] = [
  ['reserved-not-zero', { reserved_front: Buffer.from([1]) }],
  ['reserved-not-zero', { reserved_back: Buffer.alloc(3000, 1) }],
  ['generation-zero', { generation: 0 }],
  ['state-unknown', { state: 9 }],
  ['geometry-wrong', { data_start: 9 }],
  ['geometry-wrong', { primary_header: 1 }],
  ['incompat-unknown', { incompat_flags: 2 }],
  ['ro-compat-unknown', { ro_compat_flags: 5 }],
  ['role-unknown', { role: 3 }],
  ['device-shrunk', { spare_device_size: 9_000_000 }],
];

for (const [id, fields] of BREACHES)
  test(`${id}: ${Object.keys(fields)}`, () => {
    const image = spare('redundant', { fields });
    flip(image, 4096 + 500);
    flip(image, backupTable(image) + 500, 2);
    const candidates = found(image);
    assert.ok(candidates.length > 0);
    assert.ok(candidates.every((candidate) => !candidate.proven));
    assert.ok(idsOf(candidates[0]).includes(id), idsOf(candidates[0]).join());
    assert.ok(candidates[0]?.why.includes(id), candidates[0]?.why);
  });

test('two entries for one sector, of main or of the spare', () => {
  for (const [entry, id] of [
    [[3, 400], 'main-duplicate'],
    [[9_999, entriesOf(1)[0]?.[1] ?? 0], 'spare-shared'],
    [[2n ** 64n - 1n, 0], 'slot-empty-plain'],
    [[3_000_000, 400], 'main-out-of-range'],
    [[9_999, 1], 'spare-in-metadata'],
  ] as const) {
    const image = spare('plain');
    patchEntry(image, 'primary', 100, entry);
    seal(image, 'primary');
    flip(image, 20);
    const [candidate, other] = found(image);
    assert.is(candidate?.proven, false);
    assert.is(other, undefined);
    assert.ok(idsOf(candidate).includes(id), `${id}: ${idsOf(candidate)}`);
  }
});

test('what a set may well be is no breach', () => {
  for (const fields of [{ state: 1 }, { state: 3 }, { role: 2 }, { role: 1 }, { compat_flags: 4 }]) {
    const image = spare('redundant', { fields });
    const whole = Buffer.from(image);
    flip(image, 4096 + 500);
    flip(image, backupTable(image) + 500, 2);
    assert.ok(isContentOf(proven(image), whole), JSON.stringify(fields));
  }
});

test('magic, version and copy are put right, whatever stands there', () => {
  for (const layout of ['plain', 'plain-ext', 'redundant'] as const) {
    const whole = spare(layout);
    const image = Buffer.from(whole);
    image.fill(0x5a, 0, 12);
    if (layout !== 'plain') image.fill(0xff, 148, 152);
    spoil(image, layout === 'redundant' ? endPlace(image) + 30 : 4096 + 16 * 200);
    const candidate = proven(image);
    assert.is(candidate?.kind, 'put-right');
    assert.ok(isContentOf(candidate, whole));
    const fields = candidate?.changes.map((change) => (change.what === 'byte' ? change.field : ''));
    assert.equal(
      new Set(fields),
      new Set(layout === 'plain' ? ['magic', 'version'] : ['magic', 'version', 'copy']),
    );
  }
});

test('with the magic put right, one bit more is one bit', () => {
  const whole = spare('plain');
  const image = Buffer.from(whole);
  image.fill(0, 0, 12);
  flip(image, 4096 + 1234);
  assert.ok(isContentOf(proven(image), whole));
});

test('what a candidate keeps and loses', () => {
  const image = spare('plain');
  flip(image, 4096 + 16 * 20 + 8, 0x10);
  const [candidate] = found(image);
  assert.is(candidate?.keeps, 200);
  // as it lay, the entry could have been right
  assert.is(candidate?.loses, 1);
  assert.is(candidate?.lost.mainSector(0), 103);

  const fewer = spare('plain');
  fewer.writeUInt32LE(190, 32);
  assert.equal([found(fewer)[0]?.keeps, found(fewer)[0]?.loses], [200, 0]);
  const more = spare('plain', { entries: entriesOf(200) });
  const stale = entriesOf(230).slice(200);
  patchEntry(more, 'primary', 200, stale[0] ?? [0, 0]);
  more.writeUInt32LE(201, 32);
  assert.equal([found(more)[0]?.keeps, found(more)[0]?.loses], [200, 1]);
});

test('nothing is found in what the kernel module left, and where nothing ever was', () => {
  for (const name of [...fixtureNames().filter((name) => name.startsWith('module/')), 'zeros']) {
    const image = fixture(name);
    if (image.length < 8192) continue;
    assert.ok(
      found(image).every((candidate) => !candidate.proven),
      name,
    );
  }
});

test('a search changes nothing of what it was given', () => {
  const image = spare('redundant');
  spoil(image, 4096 + 100);
  flip(image, backupTable(image) + 600);
  const before = Buffer.from(image);
  const dump = dumpOf(spare('redundant'));
  const copy = { ...dump, block: new Uint8Array(dump.block), table: new Uint8Array(dump.table) };
  const [candidate] = found(image, [dump]);
  candidate?.content.table.bytes.fill(1);
  candidate?.content.block.fill(1);
  assert.ok(image.equals(before));
  assert.equal([dump.block, dump.table], [copy.block, copy.table]);
});

test('a sealed lie is no candidate for proof', () => {
  const image = spare('redundant');
  patchSealed(image, 'both', 'data_sectors', 5);
  image.fill(0, 0, 8);
  image.fill(0, endPlace(image), endPlace(image) + 8);
  assert.ok(found(image).every((candidate) => !candidate.proven));
});
