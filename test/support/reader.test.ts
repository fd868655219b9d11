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
} from './build-image.js';
import { type FieldName, type FieldValue, SECTOR } from './format-numbers.js';
import { assert, suite } from './harness.js';
import { judge } from './reader.js';
import { ahead } from './reader-copies.js';

/** The reader where the golden images say nothing: each case is a sentence of format.md. */

const test = suite('reader');
const ENTRIES: readonly Entry[] = [
  [100, 300],
  [200, 301],
  [50, 302],
];

type Codes = readonly [n: number, p: number, y: number];
const FINE: Codes = [0, 0, 0];
const MENDED: Codes = [4, 1, 1];
const ASKED: Codes = [4, 4, 1];
const WAITS: Codes = [4, 4, 4];
const REFUSED: Codes = [8, 8, 8];

/** A redundant set of three entries, changed; then the codes of checking it. */
function codes(change: (image: Buffer) => Buffer | undefined, spec: Partial<ImageSpec> = {}): Codes {
  const image = buildImage({ layout: 'redundant', sectors: 2048, entries: ENTRIES, ...spec });
  const { n, p, y } = judge(change(image) ?? image, { mainSectors: DEFAULTS.mainSectors });
  return [n, p, y];
}

const sealed = (copy: Copy, field: FieldName, value: FieldValue) => (image: Buffer) => {
  patchSealed(image, copy, field, value);
  return undefined;
};

const nothing = () => undefined;

test('generations go round, and none is 0', () => {
  assert.equal([ahead(2, 1), ahead(1, 2), ahead(1, 0xffff_ffff), ahead(2, 0xffff_ffff)], [1, -1, 1, 2]);
  assert.equal([ahead(7, 7), ahead(0, 5), ahead(5, 0) > 0], [0, -1, true]);
  assert.equal([ahead(0x8000_0000, 1) > 0, ahead(0x8000_0001, 1) > 0], [true, false]);
  assert.equal(codes(sealed('both', 'generation', 0)), WAITS);
});

test('states', () => {
  for (const [state, want] of [
    [0, FINE],
    [1, MENDED],
    [2, MENDED],
    [3, WAITS],
    [4, WAITS],
  ] as const)
    assert.equal(codes(nothing, { state }), want, `state ${state}`);
});

test('roles of a device alone', () => {
  const damage = (image: Buffer) => void image.fill(0, 0, SECTOR);
  assert.equal(codes(nothing, { role: 1 }), WAITS);
  assert.equal(codes(damage, { role: 1 }), [4, 5, 5]);
  assert.equal(codes(damage, { role: 1, state: 1 }), WAITS);
  assert.equal(codes(nothing, { role: 2 }), FINE);
  assert.equal(codes(damage, { role: 2 }), MENDED);
  assert.equal(codes(damage, { role: 2, state: 1 }), WAITS);
  assert.equal(codes(nothing, { role: 3 }), REFUSED);
});

test('flags, and bytes that have no meaning yet', () => {
  assert.equal(codes(sealed('both', 'compat_flags', 0xffff_ffff)), FINE);
  assert.equal(codes(sealed('both', 'ro_compat_flags', 3)), FINE);
  assert.equal(codes(sealed('both', 'ro_compat_flags', 3), { state: 1 }), WAITS);
  assert.equal(codes(sealed('both', 'reserved_back', Buffer.from([1]))), ASKED);
  assert.equal(codes(sealed('both', 'ext_magic', 'DMR3EXT2')), WAITS);
});

test('what comes from the future is refused only under a right checksum', () => {
  for (const copy of ['primary', 'backup', 'both'] as const) {
    assert.equal(codes(sealed(copy, 'version', 2)), REFUSED, copy);
    assert.equal(codes(sealed(copy, 'incompat_flags', 4)), REFUSED, copy);
  }
  assert.equal(
    codes((image) => void patch(image, 'backup', 'version', 2)),
    MENDED,
  );
});

test('what a damaged copy claims is heeded', () => {
  const damaged = (field: 'generation' | 'set_uuid' | 'creation_time', value: number | Buffer) =>
    codes((image) => void patch(image, 'primary', field, value));
  assert.equal(damaged('generation', 2), MENDED);
  assert.equal(damaged('generation', 3), WAITS);
  assert.equal(damaged('generation', 0xffff_ffff), MENDED);
  assert.equal(damaged('set_uuid', Buffer.alloc(16, 7)), WAITS);
  assert.equal(damaged('creation_time', 5), MENDED);
  const withoutMagic = (generation: number) =>
    codes((image) => {
      patchSealed(image, 'backup', 'generation', generation);
      patch(image, 'backup', 'magic', 'DMREMAP2');
    });
  assert.equal([withoutMagic(2), withoutMagic(3)], [MENDED, WAITS]);
});

test('a backup of another set, or of another place, is foreign', () => {
  assert.equal(codes(sealed('backup', 'spare_uuid', Buffer.alloc(16, 7))), WAITS);
  assert.equal(codes(sealed('backup', 'creation_time', 5)), WAITS);
  assert.equal(codes(sealed('backup', 'backup_header', 16)), WAITS);
  assert.equal(codes(sealed('backup', 'copy', 0)), MENDED);
});

test('a device that has shrunk or grown', () => {
  assert.equal(
    codes((image) => image.subarray(0, 2040 * SECTOR)),
    WAITS,
  );
  const grown = (byte: number, sectors: number) => (image: Buffer) =>
    Buffer.concat([image, Buffer.alloc(sectors * SECTOR, byte)]);
  assert.equal(codes(grown(0, 64)), MENDED);
  assert.equal(codes(grown(1, 64)), ASKED);
  assert.equal(codes(grown(1, 7)), MENDED);
  assert.equal(codes(grown(0, 1), { sectors: 2047 }), MENDED);
  assert.equal(codes(grown(1, 1), { sectors: 2047 }), ASKED);
  assert.equal(codes(grown(1, 64), { layout: 'plain' }), MENDED);
});

test('a move that was cut short is finished', () => {
  const spec = { layout: 'redundant', entries: ENTRIES } as const;
  const before = buildImage({ ...spec, sectors: 2048 });
  const after = buildImage({ ...spec, sectors: 2304, generation: 2 });
  const verdict = (change: (image: Buffer) => void): Codes => {
    const image = Buffer.concat([before, Buffer.alloc(256 * SECTOR)]);
    change(image);
    const { n, p, y } = judge(image);
    return [n, p, y];
  };
  const backup = (image: Buffer) => after.copy(image, before.length, before.length);
  const end = endPlace(after);
  assert.equal(verdict(backup), MENDED);
  // Header without table, table without header.
  assert.equal(
    verdict((image) => after.copy(image, end, end)),
    MENDED,
  );
  assert.equal(
    verdict((image) => after.copy(image, before.length, before.length, end)),
    MENDED,
  );
  assert.equal(
    verdict((image) => image.fill(1, end, end + SECTOR)),
    ASKED,
  );
  const primary = (image: Buffer) => {
    backup(image);
    after.copy(image, 0, 0, 20_480);
  };
  assert.equal(verdict(primary), FINE);
  assert.equal(
    verdict((image) => {
      backup(image);
      image.fill(0, endPlace(before), endPlace(before) + SECTOR);
    }),
    MENDED,
  );
});

test('a plain set and what is left at its end', () => {
  const spec = { layout: 'plain', sectors: 2048, entries: ENTRIES } as const;
  const leftOver = (time: number, entries: readonly Entry[] = ENTRIES): Codes => {
    const image = buildImage({ ...spec, entries });
    const old = buildImage({ ...spec, layout: 'redundant', fields: { creation_time: time } });
    headerAt(old, endPlace(old)).copy(image, endPlace(image));
    patch(image, 'backup', 'max_entries', 1000);
    const table = endPlace(old) - 16_384;
    old.copy(image, table, table, table + 48);
    seal(image, 'backup');
    const { n, p, y } = judge(image);
    return [n, p, y];
  };
  assert.equal(leftOver(DEFAULTS.time), MENDED);
  assert.equal(leftOver(5), ASKED);
  // Somebody's data, which happens to be a header.
  assert.equal(leftOver(5, [[1, 2040]]), FINE);
});

test('evidence of a set, and none', () => {
  const only = (change: (image: Buffer) => void): Codes => {
    const image = buildImage({ layout: 'plain', sectors: 2048, entries: ENTRIES });
    change(image);
    const { n, p, y } = judge(image);
    return [n, p, y];
  };
  assert.equal(
    only((image) => void image.fill(1, 100, 101)),
    WAITS,
  );
  assert.equal(
    only((image) => void image.fill(0, 0, 1)),
    WAITS,
  );
  assert.equal(
    only((image) => void image.fill(0, 0, 8)),
    WAITS,
  );
  assert.equal(
    only((image) => void image.fill(0, 0, 16)),
    REFUSED,
  );
});
