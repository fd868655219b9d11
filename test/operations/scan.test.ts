import { symlinkSync } from 'node:fs';
import { type ScanResult, scan } from '../../src/operations/scan.js';
import { scanOne } from '../../src/operations/scan-one.js';
import { NBDFUSE_NEEDS, serveFile } from '../device/nbdfuse.js';
import { run, Scratch } from '../device/scratch.js';
import { buildHeader, buildImage, type ImageSpec, patch } from '../support/build-image.js';
import { fixture } from '../support/fixtures.js';
import { assert, needs, suite } from '../support/harness.js';
import { saved, savedSpare } from './images.js';
import { changed, FROM, SWITCHED, TO } from './pairs.js';

/** All spares among some devices: pairs, clones, what is left of lost ones, and devices that never answer. */

const test = suite('scan');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const SPEC: ImageSpec = { layout: 'redundant', sectors: 2048, entries: [[5, 300]] };
const SET = '11111111-2222-3333-4444-555555555555';
const TARGET = '70707070-7070-7070-7070-707070707070';

/** Node takes its time to start on a busy machine. */
const PATIENCE = 20_000;

function search(devices: readonly string[], deep = false, patience = PATIENCE): Promise<ScanResult> {
  return scan({ devices, deep, patience });
}

const images = (...specs: readonly (ImageSpec | Buffer)[]) =>
  specs.map((spec, index) => saved(scratch, `${index}.img`, Buffer.isBuffer(spec) ? spec : buildImage(spec)));

/** The one set that was found, in short. */
function setOf({ sets }: ScanResult) {
  assert.is(sets.length, 1);
  const [set] = sets;
  const { active, findings, absentSuccessors, next, spares } = set ?? {};
  return {
    active,
    kinds: findings?.map(({ kind }) => kind),
    absentSuccessors,
    next: next?.join(' '),
    spares: spares?.length,
  };
}

test('what both copies have is named once', async () => {
  const { loose } = await search([saved(scratch, 'newer.img', fixture('version-2'))]);
  assert.equal(
    loose.map(({ spare }) => spare.problems),
    [['version-unknown']],
  );
});

test('a device under two names is no clone', async () => {
  const [image = ''] = images(SPEC);
  const link = `${image}.link`;
  symlinkSync(image, link);
  const result = await search([image, link]);
  assert.equal(setOf(result), {
    active: image,
    kinds: [],
    absentSuccessors: [],
    next: `dmremap info ${image}`,
    spares: 2,
  });
  assert.is(result.exitCode, 0);
});

test('sets, loose spares, and devices that are none', async () => {
  const other = changed(SPEC, { fields: { set_uuid: Buffer.alloc(16, 1) } });
  const lost = buildImage(SPEC);
  patch(lost, 'both', 'state', 1);
  const devices = images(SPEC, other, { ...SPEC, layout: 'plain' }, lost, Buffer.alloc(65_536));
  const result = await search(devices);
  assert.equal(
    result.sets.map(({ set_uuid, active, next }) => [set_uuid, active, next.at(-1)]),
    [
      [SET, devices[0], devices[0]],
      ['01010101-0101-0101-0101-010101010101', devices[1], devices[1]],
    ],
  );
  assert.equal(
    result.loose.map(({ device, spare }) => [device, spare.exitCode, spare.header?.entry_count]),
    [
      [devices[2], 0, 1],
      [devices[3], 4, undefined],
    ],
  );
  assert.equal([result.failures, result.strays, result.exitCode], [[], [], 4]);
});

test('nothing found is no failure', async () => {
  const result = await search(images(Buffer.alloc(65_536)));
  assert.equal(result, { sets: [], loose: [], strays: [], failures: [], exitCode: 0 });
});

test('what a header says is there to the last bit', async () => {
  const fields = { main_id: 'wwn:0x5000c500a1b2c3d4', migration_cursor: 2n ** 64n - 1n };
  const { sets } = await search(images({ ...SPEC, mainSectors: 2 ** 50, fields }));
  const [set] = sets;
  assert.equal(set?.main, { id: fields.main_id, size: String(2 ** 50), device: null });
  const header = set?.spares[0]?.spare.header;
  assert.is(header?.migration_cursor, '18446744073709551615');
  assert.equal([header?.layout, header?.at, header?.max_entries], ['redundant', 0, 1000]);
});

test('a retired spare and its successor', async () => {
  const devices = images(FROM, SWITCHED);
  const result = await search(devices);
  const next = `dmremap info ${devices[1]}`;
  assert.equal(setOf(result), { active: devices[1], kinds: [], absentSuccessors: [], next, spares: 2 });
  assert.is(result.exitCode, 0);
});

test('a retired spare whose successor is not here', async () => {
  const devices = images(FROM);
  const told = setOf(await search(devices));
  const next = `dmremap info ${devices[0]}`;
  assert.equal(told, { active: null, kinds: [], absentSuccessors: [TARGET], next, spares: 1 });
});

test('a switch that was not finished', async () => {
  const devices = images(FROM, TO);
  const result = await search(devices);
  const next = `dmremap check -p ${devices[0]} ${devices[1]}`;
  const kinds = ['switch-unfinished'];
  assert.equal(setOf(result), { active: devices[1], kinds, absentSuccessors: [], next, spares: 2 });
  assert.is(result.exitCode, 4);
});

test('a clone, and two that contradict each other: nobody is active, and no table is offered', async () => {
  const clone = setOf(await search(images(SPEC, SPEC)));
  const none = { active: null, absentSuccessors: [], spares: 2 };
  assert.equal(clone, { ...none, kinds: ['clone'], next: 'dmremap explain pair-clone' });
  const two = images(changed(FROM, { role: 0 }), changed(TO, { role: 0, generation: 8 }));
  const result = await search(two);
  assert.equal(setOf(result), {
    ...none,
    kinds: ['contradiction'],
    next: 'dmremap explain pair-contradiction',
  });
  assert.is(result.exitCode, 4);
  const unsettled = images(changed(FROM, { generation: 9 }), TO);
  assert.equal(setOf(await search(unsettled)), {
    ...none,
    kinds: ['contradiction'],
    next: `dmremap migrate ${unsettled.join(' ')} --resume`,
  });
});

test('a damaged copy is what to look at next', async () => {
  const image = buildImage(SPEC);
  patch(image, 'backup', 'state', 1);
  const [path = ''] = images(image);
  const result = await search([path]);
  assert.equal(result.sets[0]?.next, ['dmremap', 'check', path]);
  assert.equal(result.sets[0]?.spares[0]?.spare.problems, ['copy-damaged']);
  assert.is(result.exitCode, 4);
});

test('a device that cannot be looked at does not stop the rest', async () => {
  run('mkfifo', scratch.path('fifo'));
  const good = savedSpare(scratch, 'good.img', SPEC);
  const odd = saved(scratch, 'odd.img', Buffer.alloc(5000));
  const result = await search([scratch.path('missing'), good, scratch.path('fifo'), odd]);
  assert.equal(
    result.failures.map(({ device, code }) => [device, code]),
    [
      [scratch.path('missing'), 'no-such-device'],
      [scratch.path('fifo'), 'not-a-device'],
      [odd, 'not-a-device'],
    ],
  );
  assert.is(result.sets[0]?.active, good);
});

/** A grown device whose primary is lost: its backup lies where nothing points to. */
function leftBehind(): Buffer {
  const image = buildImage({ ...SPEC, tailBytes: Buffer.alloc(5 * 2 ** 20) });
  image.fill(0, 0, 4096);
  return image;
}

test('a backup left behind is found by a deep search, and only by that', async () => {
  const [path = ''] = images(leftBehind());
  assert.equal((await search([path])).strays, []);
  const { strays, sets, exitCode } = await search([path], true);
  assert.equal([strays.length, sets, exitCode], [1, [], 0]);
  const [header] = strays[0]?.headers ?? [];
  assert.equal([header?.at, header?.set_uuid, header?.entry_count], [2040 * 512, SET, 1]);
});

test('a deep search goes on where there are signs of a set but no valid copy', async () => {
  const image = leftBehind();
  buildHeader({ magic: 'DMREMAP3', version: 1 }).copy(image, 0);
  const [path = ''] = images(image);
  const shallow = await search([path]);
  assert.equal([shallow.strays, shallow.exitCode], [[], 4]);
  const { strays, loose, exitCode } = await search([path], true);
  assert.equal(
    strays.map(({ device, headers }) => [device, headers.map(({ at }) => at)]),
    [[path, [2040 * 512]]],
  );
  assert.equal([loose.map(({ spare }) => spare.problems), exitCode], [[['no-valid-copy']], 4]);
});

test('a deep search goes on telling that it lives', async () => {
  let alive = 0;
  const [path = '', good = ''] = images(leftBehind(), SPEC);
  const answer = await scanOne(path, true, () => alive++);
  assert.is(answer.kind, 'headers');
  assert.ok(alive >= 6, `${alive} times`);
  assert.is((await scanOne(good, true, () => assert.unreachable())).kind, 'spare');
  assert.is((await scanOne(savedSpare(scratch, 'none.img', SPEC), false, () => {})).kind, 'spare');
});

/** A file whose every byte takes a minute, as a disk that is stuck. */
function stuckFile(): Promise<string> {
  return serveFile(scratch, 'stuck.img', ['--filter=delay', 'memory', '1M', 'rdelay=60'], 'read');
}

test('a device that hangs is given up after the patience, and the others are told', async () => {
  needs(...NBDFUSE_NEEDS);
  const stuck = await stuckFile();
  const good = savedSpare(scratch, 'good.img', SPEC);
  const began = Date.now();
  const result = await search([stuck, good], false, 6000);
  assert.ok(Date.now() - began < 30_000, `${Date.now() - began} ms`);
  assert.equal(
    result.failures.map(({ device, code }) => [device, code]),
    [[stuck, 'io']],
  );
  assert.match(result.failures[0]?.message ?? '', /no answer within 6 s$/);
  assert.is(result.sets[0]?.active, good);
});
