import { existsSync, readFileSync } from 'node:fs';
import { runOnTerminal } from '../cli/pseudo-terminal.js';
import { DMREMAP } from '../obligations/run-cli.js';
import { type Document, documentOf, isObject } from '../obligations/schemas.js';
import { hashOf, patient, Workshop } from '../obligations/workshop.js';
import { spareOn } from '../operations/migrate/judge-pair.js';
import { FailingDisk } from '../serve/failing-disk.js';
import { buildImage, type Entry, type ImageSpec } from '../support/build-image.js';
import { SECTOR, u32, u64 } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { judge } from '../support/reader.js';

/** A set goes to another spare with all its data, by the independent reader; what is refused changes nothing. */

const test = suite('dmremap migrate');
const slow = patient(test);
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const MAIN_SECTORS = 8192;

/** Some together, some scattered, in no order. */
const ENTRIES: readonly Entry[] = [
  ...Array.from({ length: 40 }, (_, index): Entry => [3000 + index, 100 + index]),
  ...Array.from({ length: 20 }, (_, index): Entry => [7000 - index * 3, 200 + index * 5]),
];
const FIRST = 100;

function image(more: Partial<ImageSpec> = {}): Buffer {
  const spec = { layout: 'redundant', sectors: 2048, maxEntries: 200, ...more } as const;
  const made = buildImage({ entries: ENTRIES, mainSectors: MAIN_SECTORS, ...spec });
  const random = new Random(3);
  for (const [, spare] of spec.entries ?? ENTRIES) random.bytes(SECTOR).copy(made, Number(spare) * SECTOR);
  return made;
}

const shown = (path: string) => [...(spareOn(readFileSync(path))?.data ?? [])].sort(([a], [b]) => a - b);

async function migrate(...words: readonly string[]): Promise<Document> {
  return documentOf(await shop.run(['migrate', ...words, '--yes', '--json']), 'migrate');
}

/** What a document says in short: code, outcome or error, and which spare is active. */
function said(document: Document): string {
  const { error } = document;
  if (isObject(error)) return `${document['exit_code']} ${error['code']}`;
  return `${document['exit_code']} ${document['outcome']}, ${document['active']} active`;
}

async function assertClean(...spares: readonly string[]): Promise<void> {
  const { code, stdout } = await shop.run(['check', ...spares]);
  assert.is(code, 0, stdout);
}

const SHAPES: readonly (readonly [
  name: string,
  from: Partial<ImageSpec>,
  to: number,
  more: readonly string[],
])[] = [
  ['to a larger one', {}, 8192, []],
  ['to a smaller one', {}, 160, []],
  ['from a plain one without an identity', { layout: 'plain' }, 4096, []],
  ['from a plain one with an identity', { layout: 'plain-ext' }, 4096, []],
  ['with more capacity', {}, 8192, ['--entries', '900']],
  ['with less capacity', {}, 8192, ['--entries', '60']],
  ['that was in use', { state: 1 }, 8192, []],
  ['without remaps', { entries: [] }, 100, []],
];

for (const [name, spec, size, more] of SHAPES)
  slow(`a set moves ${name}, and back`, async () => {
    const [from, to] = [shop.put('from.img', image(spec)), shop.sparse('to.img', size * SECTOR)];
    const data = shown(from);
    assert.is(said(await migrate(from, to, ...more)), '0 moved, to active');
    assert.equal(shown(to), data);
    await assertClean(from, to);
    const header = readFileSync(to);
    assert.equal([u32(header, 'role'), u32(readFileSync(from), 'role')], [0, 2]);
    assert.is(u32(header, 'max_entries'), Number(more[1] ?? 200));
    assert.is(u64(header, 'total_remaps_created'), BigInt(data.length));
    assert.is((await shop.run(['table', from, '--main', 'x'])).code, 8);
    assert.is(said(await migrate(from, to, '--resume')), '0 nothing-to-do, to active');
    assert.is(said(await migrate(from, to, '--rollback')), '0 moved, from active');
    assert.equal(shown(from), data);
    assert.equal([u32(readFileSync(to), 'role'), u32(readFileSync(from), 'role')], [2, 0]);
    await assertClean(from, to);
  });

slow('new sectors lie together, in the order of the old ones', async () => {
  const [from, to] = [shop.put('from.img', image()), shop.sparse('to.img', 4096 * SECTOR)];
  await migrate(from, to);
  const { truth } = judge(readFileSync(to));
  const old = new Map(judge(readFileSync(from)).truth ?? []);
  const start = Number(u64(readFileSync(to), 'data_start'));
  const order = [...(truth ?? [])].sort(([, a], [, b]) => a - b);
  assert.equal(
    order.map(([, spare]) => spare),
    order.map((_, index) => start + index),
  );
  const before = order.map(([main]) => old.get(main) ?? 0);
  assert.equal(
    before,
    [...before].sort((a, b) => a - b),
  );
});

const HOLDS = 'the other set';

slow('what is refused is refused before any write', async () => {
  needs('root', 'mkfs.ext4', 'mount');
  const from = shop.put('from.img', image());
  const main = shop.sparse('main.img', MAIN_SECTORS * SECTOR);
  const files: Record<string, string> = {
    filesystem: shop.sparse('ext4.img', 8 << 20),
    small: shop.sparse('small.img', 60 * SECTOR),
    [HOLDS]: shop.put(
      'other.img',
      image({ fields: { set_uuid: Buffer.alloc(16, 9), spare_uuid: Buffer.alloc(16, 8) } }),
    ),
    empty: shop.put('empty.img', image({ entries: [], fields: { set_uuid: Buffer.alloc(16, 9) } })),
    clone: shop.put('clone.img', image()),
    third: shop.put(
      'third.img',
      image({ role: 1, fields: { spare_uuid: Buffer.alloc(16, 7), peer_uuid: Buffer.alloc(16, 6) } }),
    ),
    retired: shop.put(
      'retired.img',
      image({ role: 2, fields: { spare_uuid: Buffer.alloc(16, 7), peer_uuid: Buffer.alloc(16, 6) } }),
    ),
    damaged: shop.put(
      'damaged.img',
      image({
        entries: [
          [5, 100],
          [5, 101],
        ],
      }),
    ),
    mounted: shop.sparse('mounted.img', 8 << 20),
    blank: shop.sparse('blank.img', 4096 * SECTOR),
  };
  await run('mkfs.ext4', '-q', '-F', files['filesystem'] ?? '');
  await run('mkfs.ext4', '-q', '-F', files['mounted'] ?? '');
  const loop = shop.loop(files['mounted'] ?? '');
  shop.mount(loop, shop.folderAt('point'));
  const file = (name: string) => files[name] ?? '';
  const lines: readonly (readonly [line: readonly string[], says: string])[] = [
    [[from, file('filesystem')], '8 wrong-device'],
    [[from, loop], '8 busy'],
    [[from, file('mounted')], '8 busy'],
    [[from, file('small')], '8 too-small'],
    [[from, from], '8 wrong-device'],
    [[from, main, '--main', main], '8 wrong-device'],
    [[from, file(HOLDS)], '8 wrong-device'],
    [[from, file(HOLDS), '--discard-remaps', '3'], '8 wrong-device'],
    [[from, file('empty')], '8 wrong-device'],
    [[from, file('clone')], '8 ambiguous'],
    [[from, file('third')], '8 wrong-device'],
    [[file('third'), file('blank')], '8 incomplete'],
    [[file('retired'), file('blank')], '8 retired'],
    [[file('damaged'), file('blank')], '8 changed-since'],
    [[file('blank'), from], '8 not-dmremap3'],
    [[from, file('blank'), '--main', file('small')], '8 wrong-main'],
    [[from, file('blank'), '--resume'], '8 wrong-device'],
    [[from, file('blank'), '--entries', '10'], '8 too-small'],
    [[from, file('blank'), '--undo-file', '/proc/no/where'], '8 undo-unavailable'],
    [[from, shop.path('missing')], '8 no-such-device'],
  ];
  const paths = [from, main, ...Object.values(files)];
  const before = paths.map(hashOf);
  for (const [line, says] of lines) {
    assert.is(said(await migrate(...line)), says, line.join(' '));
    assert.equal(paths.map(hashOf), before, line.join(' '));
  }
  assert.is((await shop.run(['migrate', from, file('blank')])).code, 16);
  assert.is((await shop.run(['migrate', from, file('blank'), '--yes', '--dry-run'])).code, 0);
  assert.equal(paths.map(hashOf), before);
});

async function run(program: string, ...words: readonly string[]): Promise<void> {
  const { execFileSync } = await import('node:child_process');
  execFileSync(program, words, {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
  });
}

slow('what holds something is taken where the operator says so', async () => {
  needs('mkfs.ext4');
  const from = shop.put('from.img', image());
  const data = shown(from);
  const filesystem = shop.sparse('ext4.img', 8 << 20);
  await run('mkfs.ext4', '-q', '-F', filesystem);
  assert.is(said(await migrate(from, filesystem, '--force')), '0 moved, to active');
  const fields = { set_uuid: Buffer.alloc(16, 9), spare_uuid: Buffer.alloc(16, 8) };
  const other = shop.put('other.img', image({ fields }));
  assert.is(said(await migrate(filesystem, other, '--discard-remaps', '60')), '0 moved, to active');
  assert.equal(shown(other), data);
  assert.is((await shop.run(['undo', other, '--yes'])).code, 8);
  await assertClean(other, filesystem);
});

async function failing(name: string, content: Buffer): Promise<FailingDisk> {
  needs('root', 'nbdkit', 'nbdfuse', 'fusermount3', '/dev/fuse');
  return FailingDisk.start(shop, shop.put(name, content), content.length);
}

slow('on a terminal it shows how far it is, and in a pipe nothing unless told', async () => {
  needs('python3');
  const disk = await failing('from.img', image());
  const to = shop.sparse('to.img', 4096 * SECTOR);
  const bytes = ENTRIES.length * SECTOR;
  // each is asked for again, so that there is something to look at
  disk.set({ read: [FIRST * SECTOR, (FIRST + 8) * SECTOR] });
  const line = ['migrate', disk.path, to, '--lost=zero', '--yes'];
  const env = { DMREMAP_STATE_DIR: shop.state };
  const { code, output } = await runOnTerminal([process.execPath, DMREMAP, ...line], [], { env });
  assert.is(code, 4);
  assert.match(output, /\r\p{Cc}\[Kcopy: {2}\d+% {2}.* of 30 KiB/u);
  assert.not.match(output, /(copy|compare):[^\r]*\r\n/u, 'the line is taken away');
  const again = shop.put('again.img', image());
  const other = shop.sparse('other.img', 4096 * SECTOR);
  const json = await shop.run(['migrate', again, other, '--yes', '--progress=json']);
  const steps = json.stderr.split('\n').filter((text) => text.startsWith('{'));
  assert.ok(steps.length > 0);
  for (const step of steps) assert.is(JSON.parse(step).total, bytes);
  const quiet = await shop.run(['migrate', again, other, '--yes', '--rollback']);
  assert.not.match(quiet.stderr, /copy:/);
});

slow('sectors of FROM that cannot be read end it, or are zeros where the operator says so', async () => {
  const content = image();
  const disk = await failing('from.img', content);
  const to = shop.sparse('to.img', 4096 * SECTOR);
  const data = shown(shop.path('from.img'));
  disk.set({ read: [(FIRST + 4) * SECTOR, (FIRST + 6) * SECTOR] });
  const map = shop.path('lost.map');
  const stopped = await migrate(disk.path, to, '--lost-map', map);
  assert.is(said(stopped), '4 lost, from active');
  assert.equal(stopped['lost'], [{ main_sector: 3004, count: 2 }]);
  assert.ok(readFileSync(shop.path('from.img')).equals(content), 'nothing is changed on FROM');
  assert.match(readFileSync(map, 'utf8'), /^0x0000D000 {2}0x00000400 {2}-$/m);
  assert.is(said(await migrate(disk.path, to, '--resume')), '4 lost, from active');
  const zeroed = await migrate(disk.path, to, '--resume', '--lost=zero');
  assert.is(said(zeroed), '4 moved, to active');
  assert.ok(existsSync(String(zeroed['lost_map'])));
  const zeros = Buffer.alloc(SECTOR).toString('latin1');
  const expected = data.map(([main, bytes]) => [main, main === 3004 || main === 3005 ? zeros : bytes]);
  assert.equal(shown(to), expected);
  assert.is(u64(readFileSync(to), 'lost_remaps'), 2n);
});

slow('a TO that fails midway leaves FROM active, and resume goes on', async () => {
  const from = shop.put('from.img', image());
  const data = shown(from);
  const content = shop.sparse('to.img', 4096 * SECTOR);
  const disk = await failing('to.img', readFileSync(content));
  disk.set({ write: [50 * SECTOR, 51 * SECTOR] });
  assert.is(said(await migrate(from, disk.path)), '8 io');
  assert.equal(shown(from), data);
  assert.is(u32(readFileSync(from), 'role'), 0);
  assert.is(said(await migrate(from, disk.path)), '8 incomplete');
  disk.set({});
  assert.is(said(await migrate(from, disk.path, '--resume')), '0 moved, to active');
  assert.equal(shown(content), data);
});

slow('a TO that fills up midway', async () => {
  needs('root', 'mount');
  const entries = Array.from({ length: 1500 }, (_, index): Entry => [index, 100 + index]);
  const from = shop.put('from.img', image({ entries, maxEntries: 1500 }));
  const data = shown(from);
  const folder = shop.folderAt('small');
  shop.mount('-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', folder);
  const to = shop.sparse('small/to.img', 4096 * SECTOR);
  assert.is(said(await migrate(from, to)), '8 no-space');
  assert.is(u32(readFileSync(from), 'role'), 0);
  await run('mount', '-o', 'remount,size=8m', folder);
  assert.is(said(await migrate(from, to, '--resume')), '0 moved, to active');
  assert.equal(shown(to), data);
});

slow('a migration that has not ended is given up', async () => {
  const from = shop.put('from.img', image());
  const before = readFileSync(from);
  const content = shop.sparse('to.img', 4096 * SECTOR);
  const disk = await failing('to.img', readFileSync(content));
  disk.set({ write: [50 * SECTOR, 51 * SECTOR] });
  await migrate(from, disk.path);
  disk.set({});
  assert.is(said(await migrate(from, disk.path, '--rollback')), '0 taken-back, from active');
  assert.ok(readFileSync(from).equals(before));
  assert.is(judge(readFileSync(content)).n, 8);
  assert.is(said(await migrate(from, disk.path, '--rollback')), '0 nothing-to-do, from active');
});

slow('a FROM that cannot be written is abandoned by the operator alone', async () => {
  const content = image();
  const disk = await failing('from.img', content);
  const to = shop.sparse('to.img', 4096 * SECTOR);
  const data = shown(shop.path('from.img'));
  disk.set({ write: [0, content.length] });
  const stopped = await migrate(disk.path, to);
  assert.is(stopped['exit_code'], 4, JSON.stringify(stopped));
  assert.is(stopped['outcome'], 'source-not-written');
  assert.is(u32(readFileSync(to), 'role'), 1);
  const done = await migrate(disk.path, to, '--resume', '--abandon-source');
  assert.is(said(done), '0 abandoned, to active');
  assert.equal(shown(to), data);
  disk.set({});
  // attached all the same: the newer one counts, and the other is retired
  assert.is((await shop.run(['check', '-p', disk.path, to])).code, 1);
  assert.is(u32(readFileSync(shop.path('from.img')), 'role'), 2);
  await assertClean(disk.path, to);
});

slow('a FROM that takes no writes at all is abandoned by the operator alone', async () => {
  needs('root', 'losetup');
  const content = image();
  const [file, to] = [shop.put('from.img', content), shop.sparse('to.img', 4096 * SECTOR)];
  const data = shown(file);
  const disk = shop.loop(file, '--read-only');
  const stopped = await shop.run(['migrate', disk, to, '--yes']);
  assert.is(stopped.code, 4, stopped.stderr);
  assert.match(stopped.stderr, /warning: .*takes no writes/);
  assert.match(stopped.stderr.replaceAll(/[\s\\]+/g, ' '), /--resume --abandon-source, after which/);
  assert.is(u32(readFileSync(to), 'role'), 1);
  assert.is(said(await migrate(disk, to, '--rollback')), '0 taken-back, from active');
  assert.is(judge(readFileSync(to)).n, 8, 'it is erased');
  assert.is(said(await migrate(disk, to)), '4 source-not-written, from active');
  assert.is(said(await migrate(disk, to, '--resume', '--abandon-source')), '0 abandoned, to active');
  assert.equal(shown(to), data);
  assert.ok(readFileSync(file).equals(content));
  await assertClean(to);
  assert.is(said(await migrate(disk, to, '--rollback')), '8 permission');
});

slow('what has to be written and is read-only is refused before any write', async () => {
  needs('root', 'losetup');
  const plain = shop.loop(shop.put('plain.img', image({ layout: 'plain' })), '--read-only');
  const [from, to] = [shop.put('from.img', image()), shop.sparse('to.img', 4096 * SECTOR)];
  assert.is(said(await migrate(plain, to)), '8 permission');
  assert.is(said(await migrate(from, shop.loop(to, '--read-only'))), '8 permission');
  assert.is(judge(readFileSync(to)).n, 8, 'nothing is written');
});

test('every command names the other spare of a pair', async () => {
  const [from, to] = [shop.put('from.img', image()), shop.sparse('to.img', 4096 * SECTOR)];
  await migrate(from, to);
  const uuid = spareOn(readFileSync(to))?.uuid.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') ?? '?';
  for (const line of [
    ['table', from, '--main', from],
    ['resize', from, '--entries', '300', '--yes'],
    ['wipe', from, '--yes'],
  ]) {
    const { code, stderr } = await shop.run(line);
    assert.is(code, 8, stderr);
    assert.ok(stderr.replaceAll(/\s+/g, ' ').includes(uuid), stderr);
  }
});
