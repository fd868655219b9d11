import { MemoryDevice } from '../../src/device/memory-device.js';
import { type Choice, chooseCopy } from '../../src/store/choose.js';
import { loadCopies } from '../../src/store/load.js';
import {
  buildImage,
  type Copy,
  DEFAULTS,
  type Entry,
  endPlace,
  headerAt,
  type ImageSpec,
  patch,
  patchSealed,
  seal,
} from '../support/build-image.js';
import type { FieldName, FieldValue } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';

/** Section 5, sentence by sentence: which copy counts, and what the others are beside it. */

const test = suite('chooseCopy');

const ENTRIES: readonly Entry[] = [
  [100, 300],
  [200, 301],
];
const SPEC: ImageSpec = { layout: 'redundant', sectors: 2048, entries: ENTRIES };
const OTHER_UUID = Buffer.alloc(16, 7);

async function choose(image: Buffer): Promise<Choice> {
  return chooseCopy(await loadCopies(new MemoryDevice(image)));
}

/** `chosen: name standing claims, …` in one line. */
async function said(image: Buffer): Promise<string> {
  const { chosen, others } = await choose(image);
  const told = others.map(({ copy, standing, claims }) => [copy.name, standing, ...claims].join(' '));
  return `${chosen?.name ?? 'none'}: ${told.join(', ')}`;
}

function changed(change: (image: Buffer) => void, spec: Partial<ImageSpec> = {}): Promise<string> {
  const image = buildImage({ ...SPEC, ...spec });
  change(image);
  return said(image);
}

const put = (copy: Copy, field: FieldName, value: FieldValue) => (image: Buffer) =>
  patch(image, copy, field, value);
const sealed = (copy: Copy, field: FieldName, value: FieldValue) => (image: Buffer) =>
  patchSealed(image, copy, field, value);
const nothing = () => {};

test('equal copies: the primary', async () => {
  assert.is(await changed(nothing), 'primary: backup equal');
});

test('the newer of two, around the wrap too', async () => {
  for (const [generation, backupGeneration, expected] of [
    [2, 1, 'primary: backup stale'],
    [1, 2, 'backup: primary stale'],
    [1, 0xffff_ffff, 'primary: backup stale'],
    [0xffff_ffff, 1, 'backup: primary stale'],
    [0x8000_0001, 1, 'backup: primary stale'],
    [0x8000_0000, 1, 'primary: backup stale'],
    [0x7fff_ffff, 1, 'primary: backup stale'],
    [5, 0, 'primary: backup stale'],
  ] as const)
    assert.is(
      await changed(nothing, { generation, backupGeneration }),
      expected,
      `${generation}, ${backupGeneration}`,
    );
});

test('one generation with two contents: none', async () => {
  const differs = 'none: backup differs, primary differs';
  assert.is(await changed(sealed('backup', 'last_update_time', 5)), differs);
  assert.is(await changed(sealed('backup', 'reserved_back', Buffer.from([1]))), differs);
  assert.is(
    await changed(nothing, {
      backupEntries: [
        [100, 300],
        [200, 302],
      ],
    }),
    differs,
  );
  assert.is(
    await changed(nothing, {
      backupEntries: [
        [200, 301],
        [100, 300],
      ],
    }),
    differs,
    'another order',
  );
});

test('one valid: that one', async () => {
  assert.is(await changed(put('backup', 'state', 1)), 'primary: backup damaged');
  assert.is(await changed(put('primary', 'state', 1)), 'backup: primary damaged');
  assert.is(await changed((image) => image.fill(0, 0, 4096)), 'backup: primary damaged');
});

test('what a damaged copy claims is told', async () => {
  const claims = (field: FieldName, value: FieldValue) => changed(put('primary', field, value));
  assert.is(await claims('generation', 2), 'backup: primary damaged');
  assert.is(await claims('generation', 3), 'backup: primary damaged newer-generation');
  assert.is(await claims('set_uuid', OTHER_UUID), 'backup: primary damaged other-set');
  assert.is(await claims('spare_uuid', OTHER_UUID), 'backup: primary damaged other-set');
  assert.is(await claims('peer_uuid', OTHER_UUID), 'backup: primary damaged');
  const withoutMagic = (image: Buffer) => {
    patch(image, 'primary', 'generation', 9);
    image[0] = 0;
  };
  assert.is(await changed(withoutMagic), 'backup: primary damaged newer-generation');
  const withoutSigns = (image: Buffer) => {
    withoutMagic(image);
    image.fill(0, 0, 8);
    patch(image, 'primary', 'ext_magic', '');
  };
  assert.is(await changed(withoutSigns), 'backup: primary damaged');
});

test('a backup that names another place, set, spare or time is foreign', async () => {
  for (const [field, value] of [
    ['backup_header', 2040 - 8],
    ['set_uuid', OTHER_UUID],
    ['spare_uuid', OTHER_UUID],
    ['creation_time', 5],
  ] as const)
    assert.is(await changed(sealed('backup', field, value)), 'primary: backup foreign', field);
});

test('a foreign backup is never chosen, however new, and never where the primary is lost', async () => {
  const foreign = (image: Buffer) => {
    patch(image, 'backup', 'generation', 50);
    patchSealed(image, 'backup', 'backup_header', 16);
  };
  assert.is(await changed(foreign), 'primary: backup foreign');
  const alone = (image: Buffer) => {
    foreign(image);
    image.fill(0, 0, 4096);
  };
  assert.is(await changed(alone), 'none: backup foreign, primary damaged');
});

test('a primary that can be read forbids another life, a lost one does not', async () => {
  const otherLife = sealed('backup', 'creation_time', 5);
  const both = (image: Buffer) => {
    otherLife(image);
    patch(image, 'primary', 'state', 1);
  };
  // with an extension it has uuids to tell by
  assert.is(await changed(both), 'backup: primary damaged');
  const plain = (image: Buffer) => {
    otherLife(image);
    image.fill(0, 128, 360);
  };
  assert.is(await changed(plain), 'none: backup foreign, primary damaged');
});

test('a plain primary counts whatever stands at the end', async () => {
  const backup = buildImage({ ...SPEC, generation: 9, layout: 'redundant' });
  const withBackup = (change: (image: Buffer) => void) => (image: Buffer) => {
    backup.copy(image, endPlace(image) - 16_384, endPlace(image) - 16_384);
    change(image);
  };
  for (const layout of ['plain', 'plain-ext'] as const) {
    assert.is(await changed(withBackup(nothing), { layout }), 'primary: backup left-over', layout);
    const invalid = withBackup((image) => patch(image, 'backup', 'state', 1));
    assert.is(await changed(invalid, { layout }), 'primary: ', layout);
  }
});

test('an old backup that a stale primary names is superseded', async () => {
  const grown = (change: (image: Buffer) => void) => {
    const before = buildImage(SPEC);
    const after = buildImage({ ...SPEC, sectors: 4096, generation: 2 });
    const image = Buffer.concat([before, Buffer.alloc(after.length - before.length)]);
    after.copy(image, before.length, before.length);
    change(image);
    return said(image);
  };
  assert.is(await grown(nothing), 'backup: primary stale, backup superseded');
  const erased = (image: Buffer) => image.fill(0, 2040 * 512, 2041 * 512);
  assert.is(await grown(erased), 'backup: primary stale');
  // the new end is not a copy yet: the old pair counts
  const unfinished = (image: Buffer) => image.fill(0, endPlace(image), endPlace(image) + 512);
  assert.is(await grown(unfinished), 'primary: backup equal');
});

test('what stands where a move will write is heeded, if it claims something', async () => {
  const tailBytes = Buffer.alloc(2048 * 512);
  const claims = (change: (header: Buffer) => void) => {
    const image = buildImage({ ...SPEC, tailBytes });
    const stranger = buildImage({ ...SPEC, sectors: 4096 });
    headerAt(stranger, endPlace(stranger)).copy(image, endPlace(image));
    change(headerAt(image, endPlace(image)));
    return said(image);
  };
  assert.is(await claims((header) => header.writeUInt32LE(2, 60)), 'primary: backup equal');
  assert.is(
    await claims((header) => header.writeUInt32LE(9, 60)),
    'primary: backup damaged newer-generation, backup equal',
  );
  assert.is(
    await claims((header) => header.fill(7, 192, 208)),
    'primary: backup damaged other-set, backup equal',
  );
});

test('versions and flags from the future are told apart by the checksum', async () => {
  const unsupported = async (change: (image: Buffer) => void) => {
    const image = buildImage(SPEC);
    change(image);
    return (await choose(image)).unsupported.map(({ name }) => name);
  };
  assert.equal(await unsupported(sealed('both', 'version', 2)), ['primary', 'backup']);
  assert.equal(await unsupported(sealed('backup', 'version', 2)), ['backup']);
  assert.equal(await unsupported(sealed('primary', 'incompat_flags', 0x8000_0000)), ['primary']);
  assert.equal(await unsupported(put('primary', 'version', 2)), []);
  assert.equal(await unsupported(sealed('both', 'compat_flags', 1)), []);
});

test('evidence of a set', async () => {
  const evidence = async (change: (image: Buffer) => void) => {
    const image = Buffer.alloc(64 * 512);
    change(image);
    return (await choose(image)).evidence;
  };
  assert.not(await evidence(nothing));
  assert.ok(await evidence((image) => image.write('DMREMAP3')));
  assert.ok(await evidence((image) => image.write('DMREMAP3', endPlace(image))));
  assert.ok(await evidence((image) => image.write('DMR3EXT1', 128)));
  assert.not(await evidence((image) => image.write('DMREMAP3', 4096)));
  assert.ok(await evidence((image) => image.write('DMREMAPx')));
  assert.not(await evidence((image) => image.write('xxxxxxxx')));
  const sealedWithoutMagic = (image: Buffer) => {
    patch(image, 'primary', 'creation_time', DEFAULTS.time);
    image.write('DMREMAP3');
    seal(image, 'primary');
    image.fill(0, 0, 8);
  };
  assert.ok(await evidence(sealedWithoutMagic));
});
