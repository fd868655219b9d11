import { readFileSync, writeFileSync } from 'node:fs';
import { HEALTHY_ENTRIES, healthyImage } from '../obligations/commands.js';
import { runProgram } from '../obligations/run-cli.js';
import { documentOf } from '../obligations/schemas.js';
import { Workshop } from '../obligations/workshop.js';
import { buildImage, endPlace, headerAt, type ImageSpec } from '../support/build-image.js';
import { FIELDS, type FieldName, putField, u32, u64 } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';

/** dump | restore gives every byte back, but for what a commit has to change. */

const test = suite('dump and restore');
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const LARGEST = 2n ** 64n - 1n;
const SPEC = { layout: 'redundant', sectors: 2048, maxEntries: 255 } as const;

const IMAGES: readonly (readonly [title: string, spec: ImageSpec])[] = [
  ['redundant', { ...SPEC, entries: HEALTHY_ENTRIES }],
  ['redundant and empty', SPEC],
  ['plain', { ...SPEC, layout: 'plain', entries: HEALTHY_ENTRIES }],
  ['plain with identity', { ...SPEC, layout: 'plain-ext', entries: HEALTHY_ENTRIES }],
  [
    'reserved bytes',
    {
      ...SPEC,
      entries: HEALTHY_ENTRIES,
      fields: { reserved_front: Buffer.alloc(56, 0xa5), reserved_back: Buffer.alloc(3736, 0x5a) },
    },
  ],
  ['a few reserved bytes', { ...SPEC, fields: { reserved_back: Buffer.from([0, 0, 0, 7, 0, 0]) } }],
  [
    'integers at their ends',
    {
      ...SPEC,
      mainSectors: 2 ** 33,
      entries: [
        [LARGEST - 1n, 16],
        [2n ** 53n + 1n, LARGEST],
        [LARGEST, LARGEST],
        [0, 2n ** 63n],
      ],
      fields: {
        main_device_size: LARGEST,
        total_remaps_created: LARGEST,
        creation_time: 2n ** 63n,
        lost_remaps: LARGEST - 1n,
        auto_remaps: 2n ** 53n + 1n,
        write_errors: LARGEST,
        migration_cursor: LARGEST,
        peer_generation: 0xffff_ffff,
        compat_flags: 0xffff_ffff,
      },
    },
  ],
  ['a generation that wraps', { ...SPEC, entries: HEALTHY_ENTRIES, generation: 0xffff_ffff }],
  ['main_id of 64 bytes', { ...SPEC, fields: { main_id: `wwn:${'é'.repeat(30)}` } }],
  ['main_id that is no text', { ...SPEC, fields: { main_id: Buffer.from('ff00fe41', 'hex') } }],
  ['main_id with a zero within', { ...SPEC, fields: { main_id: Buffer.from('a\0b') } }],
  ['main_id that looks like hexadecimal', { ...SPEC, fields: { main_id: 'hex:00' } }],
];

/** What a commit writes anew: these may differ, nothing else. */
const OF_A_COMMIT: readonly FieldName[] = ['generation', 'last_update_time', 'checksum'];

/** The image with the fields of a commit zeroed in all its headers, so that the rest can be compared. */
function timeless(image: Buffer, redundant: boolean): Buffer {
  const copy = Buffer.from(image);
  for (const place of redundant ? [0, endPlace(copy)] : [0])
    for (const field of OF_A_COMMIT) putField(headerAt(copy, place), field, zeroOf(field));
  return copy;
}

function zeroOf(field: FieldName): number | bigint {
  return FIELDS[field][2] === 'u64' ? 0n : 0;
}

/** Restores and compares with what there was before; returns what is there now. */
async function assertRestored(
  before: Buffer,
  spare: string,
  input: string,
  ...flags: string[]
): Promise<Buffer> {
  const line = ['restore', spare, '--input', input, '--yes', '--json', ...flags];
  const ended = await shop.run(line);
  assert.is(ended.code, 0, ended.stderr);
  const { generation, entries } = documentOf(ended, 'restore');
  const after = readFileSync(spare);
  const redundant = u32(before, 'ro_compat_flags') === 1;
  assert.equal(timeless(after, redundant), timeless(before, redundant));
  for (const place of redundant ? [0, endPlace(after)] : [0]) {
    const header = headerAt(after, place);
    assert.is(u32(header, 'generation'), generation);
    assert.ok(Math.abs(Number(u64(header, 'last_update_time')) - Date.now() / 1000) < 60);
  }
  assert.is(entries, u32(before, 'entry_count'));
  assert.is(judge(after).dumpable, true);
  assert.equal(judge(after).n, judge(before).n, 'as good as it was');
  return after;
}

for (const [title, spec] of IMAGES) {
  test(title, async () => {
    const before = buildImage(spec);
    const spare = shop.put('spare.img', before);
    const dump = shop.path('dump.json');
    const dumped = await shop.run(['dump', spare, '-o', dump]);
    assert.is(dumped.code, 0, dumped.stderr);
    const anonymous = spec.layout === 'plain' ? ['--same-device'] : [];
    const after = await assertRestored(before, spare, dump, ...anonymous);
    const generation = u32(before, 'generation');
    assert.is(u32(after, 'generation'), generation === 0xffff_ffff ? 1 : generation + 1);
  });
}

test('through a pipe, and from the backup copy', async () => {
  const spare = shop.put('spare.img', healthyImage());
  const { stdout } = await shop.run(['dump', spare, '--json', '--copy', 'backup']);
  const ended = await shop.run(['restore', spare, '--input', '-', '--yes'], { input: stdout });
  assert.is(ended.code, 0, ended.stderr);
  const after = readFileSync(spare);
  assert.equal(timeless(after, true), timeless(healthyImage(), true));
  assert.is(judge(after).n, 0);
});

test('a dump that another program has written anew', async () => {
  needs('python3');
  const [, spec] = IMAGES.find(([title]) => title === 'integers at their ends') ?? IMAGES[0] ?? ['', SPEC];
  const before = buildImage(spec);
  const spare = shop.put('spare.img', before);
  const { stdout } = await shop.run(['dump', spare, '--json']);
  for (const [name, options] of [
    ['compact', "separators=(',', ':')"],
    ['sorted', 'indent=7, sort_keys=True'],
  ] as const) {
    const script = `import json, sys; json.dump(json.load(sys.stdin), sys.stdout, ${options})`;
    const rewritten = await runProgram(['python3', '-c', script], { input: stdout });
    const input = shop.path(`${name}.json`);
    writeFileSync(input, rewritten.stdout);
    shop.put('spare.img', before);
    await assertRestored(before, spare, input);
  }
});

/** Damage between dump and restore, from slight to total. */
const DAMAGE: readonly (readonly [
  title: string,
  damage: (image: Buffer) => void,
  flags: readonly string[],
])[] = [
  ['the primary is gone', (image) => image.fill(0, 0, 8192), []],
  ['the backup is gone', (image) => image.fill(0xff, endPlace(image) - 4096), []],
  ['a bit of one table has flipped', (image) => void image.writeUInt8(1, 4096 + 3), []],
  [
    'neither copy is valid',
    (image) => {
      for (const at of [4096, endPlace(image) - 4096]) image.writeUInt8(image.readUInt8(at) ^ 1, at);
    },
    ['--same-device'],
  ],
  ['nothing is left', (image) => image.fill(0), ['--same-device']],
];

for (const [title, damage, flags] of DAMAGE) {
  test(`onto a damaged spare: ${title}`, async () => {
    const before = healthyImage();
    const spare = shop.put('spare.img', before);
    const dump = shop.path('dump.json');
    await shop.run(['dump', spare, '-o', dump]);
    const damaged = Buffer.from(before);
    damage(damaged);
    shop.put('spare.img', damaged);
    const after = await assertRestored(before, spare, dump, ...flags);
    assert.equal(
      judge(after).truth,
      HEALTHY_ENTRIES.map(([main, to]) => [Number(main), Number(to)]),
    );
  });
}

test('a newer generation is given than any that a damaged copy claims', async () => {
  const before = healthyImage();
  const spare = shop.put('spare.img', before);
  const dump = shop.path('dump.json');
  await shop.run(['dump', spare, '-o', dump]);
  const torn = Buffer.from(before);
  putField(headerAt(torn, endPlace(torn)), 'generation', 41);
  shop.put('spare.img', torn);
  const after = await assertRestored(before, spare, dump, '--accept-guess');
  assert.is(u32(after, 'generation'), 42);
});
