import { MemoryDevice } from '../../src/device/memory-device.js';
import { RemapTable } from '../../src/format/entry.js';
import type { Header } from '../../src/format/header.js';
import { commit, rewrite } from '../../src/store/commit.js';
import { type Content, contentOf, nextContent } from '../../src/store/content.js';
import { carryOut } from '../../src/store/phase.js';
import { stepBetween } from '../../src/store/step.js';
import {
  buildImage,
  buildTable,
  type Entry,
  endPlace,
  headerAt,
  type ImageSpec,
} from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';

/** What a commit leaves on the device is what the independent builder makes of the same metadata. */

const test = suite('commit');

const NOW = 1_750_000_000;
const entriesOf = (count: number): Entry[] =>
  Array.from({ length: count }, (_, index): Entry => [index * 7, 100 + index]);
const SPEC: ImageSpec = { layout: 'redundant', sectors: 4096, entries: entriesOf(700) };

function contentIn(image: Buffer): Content {
  const header = headerAt(image, 0);
  const live = image.subarray(4096, 4096 + 16 * header.readUInt32LE(32));
  return contentOf(new Uint8Array(header), new RemapTable(new Uint8Array(live)));
}

const tableOf = (entries: readonly Entry[]) => new RemapTable(new Uint8Array(buildTable(entries)));

interface Change {
  readonly header?: Partial<Header>;
  readonly entries?: readonly Entry[];
  readonly blockSize?: number;
}

async function committed(before: ImageSpec, { header = {}, entries, blockSize = 512 }: Change) {
  const image = buildImage(before);
  const content = contentIn(image);
  const table = entries === undefined ? content.table : tableOf(entries);
  const after = nextContent(content, header, BigInt(NOW), table);
  const phases = commit(stepBetween(content, after), blockSize);
  const device = new MemoryDevice(new Uint8Array(image));
  await carryOut(device, phases);
  return { image: Buffer.from(device.content), phases };
}

/** Both copies: header and live entries. */
function metadata(image: Buffer, count: number): Buffer {
  const table = endPlace(image) - 16_384;
  return Buffer.concat([
    image.subarray(0, 4096 + count * 16),
    image.subarray(table, table + count * 16),
    headerAt(image, endPlace(image)),
  ]);
}

test('a change of state, of the table, of both', async () => {
  const changes: [change: Change, spec: Partial<ImageSpec>][] = [
    [{ header: { state: 1 } }, { state: 1 }],
    [{ entries: entriesOf(701) }, { entries: entriesOf(701) }],
    [{ entries: entriesOf(3) }, { entries: entriesOf(3) }],
    [
      { entries: [], header: { state: 1 } },
      { entries: [], state: 1 },
    ],
    [
      { header: { peer_uuid: '07070707-0707-0707-0707-070707070707' } },
      { fields: { peer_uuid: Buffer.alloc(16, 7) } },
    ],
  ];
  for (const [change, spec] of changes) {
    const { image } = await committed(SPEC, change);
    const total = { total_remaps_created: 700, manual_remaps: 700 };
    const fields = { ...total, ...spec.fields, last_update_time: NOW };
    const expected = buildImage({ ...SPEC, generation: 2, ...spec, fields });
    const count = (spec.entries ?? SPEC.entries ?? []).length;
    assert.equal(metadata(image, count), metadata(expected, count));
    assert.equal(
      judge(image).why.filter((why) => !/state is 1/.test(why)),
      [],
    );
  }
});

test('after the last generation comes the first', async () => {
  const { image } = await committed({ ...SPEC, generation: 0xffff_ffff }, { header: { state: 1 } });
  assert.is(image.readUInt32LE(60), 1);
});

test('the backup first, then the primary', async () => {
  const { phases } = await committed(SPEC, { header: { state: 1 } });
  const end = 4096 * 512 - 4096;
  assert.equal(
    phases.map(({ writes }) => writes.map(({ at, bytes }) => [Number(at), bytes.length])),
    [[[end, 4096]], [[0, 4096]]],
  );
});

test('only blocks that change are written, however large the table', async () => {
  const count = 100_000;
  const spec = {
    layout: 'redundant',
    sectors: 120_000,
    maxEntries: 2 * count,
    mainSectors: 2 ** 21,
  } as const;
  const many = Array.from({ length: count }, (_, index): Entry => [index * 7, 7000 + index]);
  const { phases, image } = await committed({ ...spec, entries: many }, { entries: [...many, [5, 110_000]] });
  for (const { writes } of phases)
    assert.equal(
      writes.map(({ bytes }) => bytes.length),
      [4096, 4096],
    );
  assert.is(judge(image).n, 0);
  assert.is(judge(image).truth?.length, count + 1);
});

test('a plain image takes a change of its first sector in one write', async () => {
  const plain: ImageSpec = { ...SPEC, layout: 'plain' };
  for (const blockSize of [512, 4096]) {
    const { image, phases } = await committed(plain, { header: { state: 1 }, blockSize });
    assert.equal(
      phases.map(({ writes }) => writes.map(({ at, bytes }) => [Number(at), bytes.length])),
      [[[0, blockSize]]],
    );
    const expected = buildImage({ ...plain, generation: 2, state: 1, fields: { last_update_time: NOW } });
    assert.equal(image, expected);
  }
});

test('any other change of a plain image writes all blocks that differ', async () => {
  const plain: ImageSpec = { ...SPEC, layout: 'plain' };
  const entries = [...entriesOf(699), [1, 3000]] as const;
  const { image, phases } = await committed(plain, { entries });
  // 700 entries take three blocks, of which the last one changes
  assert.equal(
    phases.map(({ writes }) => writes.map(({ at, bytes }) => [Number(at), bytes.length])),
    [
      [
        [4096 + 8192, 4096],
        [0, 4096],
      ],
    ],
  );
  const fields = { last_update_time: NOW };
  assert.equal(image, buildImage({ ...plain, generation: 2, entries, fields }));
});

test('what one copy can take in one atomic write, and what not', () => {
  const content = contentIn(buildImage({ ...SPEC, layout: 'plain' }));
  const atomic = (header: Partial<Header>, table = content.table) =>
    stepBetween(content, nextContent(content, header, 0n, table)).atomic;
  assert.ok(atomic({ state: 1, last_update_time: 9n }));
  assert.ok(atomic({}, tableOf([...entriesOf(700), [1, 1]])), 'entries in free slots');
  assert.ok(atomic({}, tableOf(entriesOf(699))), 'the last entry is dropped by the count alone');
  assert.not(atomic({}, tableOf([...entriesOf(699), [1, 1]])));
  assert.not(atomic({}, tableOf([[1, 1], ...entriesOf(700).slice(1, 699)])));
  const reserved = new Uint8Array(content.block);
  reserved[600] = 1;
  assert.not(stepBetween(content, contentOf(reserved, content.table)).atomic);
  reserved[600] = 0;
  reserved[400] = 1;
  assert.ok(stepBetween(content, contentOf(reserved, content.table)).atomic);
});

test('a plain image takes new entries first, then its first sector', async () => {
  const plain: ImageSpec = { ...SPEC, layout: 'plain' };
  const entries = [...entriesOf(700), [1, 3000]] as const;
  const { image, phases } = await committed(plain, { entries });
  assert.equal(
    phases.map(({ writes }) => writes.map(({ at, bytes }) => [Number(at), bytes.length])),
    [[[4096 + 8192, 4096]], [[0, 512]]],
  );
  const fields = { total_remaps_created: 700, last_update_time: NOW };
  assert.equal(image, buildImage({ ...plain, generation: 2, entries, fields }));
});

test('a copy written anew is the other one with its own copy field', async () => {
  for (const copy of ['primary', 'backup'] as const) {
    const expected = buildImage(SPEC);
    const image = buildImage(SPEC);
    const place = copy === 'primary' ? 0 : endPlace(image);
    const content = contentIn(expected);
    image.fill(0xee, place, place + 4096);
    image.fill(
      0xee,
      place === 0 ? 4096 : place - 16_384,
      place === 0 ? 4096 + 11_200 : place - 16_384 + 11_200,
    );
    const device = new MemoryDevice(image);
    await carryOut(device, [rewrite(content, copy, 512)]);
    assert.equal(metadata(image, 700), metadata(expected, 700), copy);
  }
});
