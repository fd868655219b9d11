import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { placeOf, readTable } from '../exchange/table-reader.js';
import { documentOf } from '../obligations/schemas.js';
import { fingerprint, patient, Workshop } from '../obligations/workshop.js';
import { buildImage, type Entry } from '../support/build-image.js';
import { fixture } from '../support/fixtures.js';
import { SECTOR, u32 } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { acceptedImage, consistentSums, moduleSum } from '../support/module-image.js';
import { judge } from '../support/reader.js';
import { assertRefused } from './changes.js';

/** From the kernel module's layout to ours and back, and what may be done without a conversion. */

const test = suite('ways out of the module');
const slow = patient(test);
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

/** Of the whole remapped device of `adopted`, by the one who made it. */
const ADOPTED = '7e82373625b9273763e2c1ad7a8aa576f17644bc2f113bad17447c111ef078eb';

function spareOf(name: string): Buffer {
  return fixture(`module/v3-${name}.spare`);
}

/** Whether the module reads it, and from which sector on. */
function readsFrom(image: Buffer): number {
  const count = u32(image, 'entry_count');
  assert.is(moduleSum(image, count), u32(image, 'checksum'), 'its checksum is consistent');
  assert.equal(consistentSums(image, count), [u32(image, 'checksum')]);
  assert.is(u32(image, 'state'), 0);
  assert.is(u32(image, 'max_entries'), 252);
  const spares = Array.from({ length: count }, (_, slot) => Number(image.readBigUInt64LE(4104 + 16 * slot)));
  const [first = 0] = spares;
  assert.equal(
    spares,
    spares.map((_, slot) => first + slot),
  );
  return first;
}

/** Main sectors with their data, by the independent reader. */
function shown(image: Buffer): Map<number, string> {
  return new Map(
    (judge(image).truth ?? []).map(([main, spare]) => [
      main,
      image.toString('hex', spare * SECTOR, (spare + 1) * SECTOR),
    ]),
  );
}

slow('what the module reads becomes a set of ours, and back; undo puts back every byte', async () => {
  const before = spareOf('adopted');
  spareOf('accepted').copy(before, 0, 0, 8192);
  const data = shown(before);
  assert.is(data.size, 3);
  const spare = shop.put('spare.img', before);
  for (const layout of ['redundant', 'plain']) {
    const line = ['convert', spare, '--layout', layout, '--yes', '--json'];
    const document = documentOf(await shop.run(line), 'convert');
    assert.equal([document['layout'], document['entries']], [layout, 3]);
    const after = readFileSync(spare);
    assert.equal([judge(after).n, ...shown(after)], [0, ...data], layout);
    const undone = await shop.run(['undo', spare, '--yes']);
    assert.is(undone.code, 0, undone.stderr);
    assert.ok(readFileSync(spare).equals(before), `undo of convert to ${layout}`);
  }
  assert.is((await shop.run(['convert', spare, '--layout', 'redundant', '--yes'])).code, 0);
  const moved = await shop.run(['convert', spare, '--layout', 'module', '--spare-start', '200', '--yes']);
  assert.is(moved.code, 0, moved.stderr);
  assert.match(moved.stderr, /cannot read back what it saves itself/);
  assert.match(moved.stderr, /no place for the identity/);
  const after = readFileSync(spare);
  assert.is(readsFrom(after), 200);
  assert.equal([...shown(after)], [...data]);
  const again = await shop.run(['convert', spare, '--layout', 'module']);
  assert.equal([again.code, again.stderr], [0, '']);
  assert.match(again.stdout, /a module set for up to 252 remaps already/);
});

slow('what is proven is converted and repaired; undo puts back every byte', async () => {
  const before = spareOf('scratch');
  const spare = shop.put('spare.img', before);
  for (const line of [
    ['convert', spare, '--layout', 'redundant'],
    ['convert', spare, '--layout', 'module'],
    ['repair', spare],
  ]) {
    const ended = await shop.run([...line, '--yes']);
    assert.is(ended.code, line[0] === 'repair' ? 1 : 0, ended.stderr);
    const after = readFileSync(spare);
    assert.equal(judge(after).truth, [
      [777, 65],
      [12345, 64],
    ]);
    assert.is((await shop.run(['check', spare])).code, 0);
    const undone = await shop.run(['undo', spare, '--yes']);
    assert.is(undone.code, 0, undone.stderr);
    assert.ok(readFileSync(spare).equals(before), line.join(' '));
  }
});

slow('without a magic, main gives the size that the module did not write', async () => {
  const spare = shop.put('spare.img', spareOf('nomagic'));
  const main = shop.sparse('main.img', 16_384 * SECTOR);
  const without = await shop.run(['repair', spare, '--yes']);
  assert.is(without.code, 4);
  assert.match(without.stdout + without.stderr, /next: dmremap repair \S*spare\.img --main MAIN$/m);
  assert.ok(readFileSync(spare).equals(spareOf('nomagic')));
  const repaired = await shop.run(['repair', spare, '--main', main, '--yes']);
  assert.is(repaired.code, 1, repaired.stderr);
  assert.equal(judge(readFileSync(spare)).truth, [
    [777, 65],
    [12345, 64],
  ]);
});

slow('a guess is converted only once the operator has taken it', async () => {
  const spare = shop.put('spare.img', spareOf('adopted'));
  const main = shop.put('main.img', fixture('module/v3-adopted.main'));
  for (const layout of ['redundant', 'module'])
    await assertRefused(
      shop,
      ['convert', spare, '--layout', layout, '--yes'],
      'changed-since',
      /not certain/,
      [spare],
    );
  const cautious = await shop.run(['repair', spare, '--yes']);
  assert.is(cautious.code, 4);
  assert.ok(readFileSync(spare).equals(spareOf('adopted')));
  const [id = ''] = /module-first-[0-9a-f]{8}/.exec(cautious.stdout) ?? [];
  const taken = await shop.run(['repair', spare, '--candidate', id, '--accept-guess', '--yes']);
  assert.is(taken.code, 1, taken.stderr);
  assert.is((await shop.run(['convert', spare, '--layout', 'redundant', '--yes'])).code, 0);
  assert.is(await throughTable(spare, main), ADOPTED, 'through a linear table');
  needs('nbdcopy');
  assert.is(await throughNbd(spare, main), ADOPTED, 'through NBD');
});

slow('a kernel log narrows down what the first entry was', async () => {
  const spare = shop.put('spare.img', spareOf('over252'));
  const main = shop.put('main.img', fixture('module/v3-adopted.main'));
  const failed = (sector: number) =>
    `[ 12.1] I/O error, dev sdx, sector ${sector} op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 2\n`;
  // 777 has an entry, and 9001 has none
  const log = shop.put('kernel.log', Buffer.from(failed(9001) + failed(777)));
  const flags = ['--main', main, '--kernel-log', log, '--log-device', 'sdx'];
  const checked = await shop.run(['check', spare, ...flags]);
  assert.is(checked.code, 4);
  assert.match(
    checked.stdout.replaceAll(/\s+/g, ' '),
    'In no entry, but failed by the kernel log: sector 9001.',
  );
  const asked = await shop.run(['repair', spare, ...flags, '--yes']);
  assert.is(asked.code, 4);
  const [id = ''] = /module-first-9001-[0-9a-f]{8}/.exec(asked.stdout) ?? [];
  const line = ['repair', spare, ...flags, '--candidate', id, '--accept-guess', '--yes'];
  const dry = await shop.run([...line, '--dry-run']);
  assert.match(dry.stdout + dry.stderr, '--kernel-log');
  const taken = await shop.run(line);
  assert.is(taken.code, 1, taken.stderr);
  const { truth } = judge(readFileSync(spare));
  assert.is(truth?.length, 252);
  assert.ok(truth?.some(([sector, at]) => sector === 9001 && at === 64));
  const alone = await shop.run(['check', spare, '--kernel-log', log, '--log-device', 'sdx']);
  assert.is(alone.code, 16, 'a log is of a main');
});

slow('a plan of a guess is served without being carried out', async () => {
  needs('nbdcopy');
  const spare = shop.put('spare.img', spareOf('adopted'));
  const main = shop.put('main.img', fixture('module/v3-adopted.main'));
  const { stdout } = await shop.run(['repair', spare, '--yes']);
  const [id = ''] = /module-first-[0-9a-f]{8}/.exec(stdout) ?? [];
  const plan = shop.path('plan.json');
  const planned = await shop.run([
    'repair',
    spare,
    '--candidate',
    id,
    '--accept-guess',
    '--yes',
    '--plan',
    plan,
  ]);
  assert.is(planned.code, 0, planned.stderr);
  const before = fingerprint(spare);
  assert.is(await throughNbd(spare, main, '--plan', plan), ADOPTED);
  assert.is(fingerprint(spare), before);
});

/** SHA-256 of the device that a linear table makes. */
async function throughTable(spare: string, main: string): Promise<string> {
  const { stdout, stderr } = await shop.run(['table', spare, '--main', main]);
  const lines = readTable(stdout);
  assert.ok(lines.length > 2, stderr);
  const contents = new Map([spare, main].map((path) => [path, readFileSync(path)]));
  const hash = createHash('sha256');
  for (let sector = 0; sector < 16_384; sector++) {
    const { device, sector: at } = placeOf(lines, sector);
    hash.update(contents.get(device)?.subarray(at * SECTOR, (at + 1) * SECTOR) ?? Buffer.alloc(0));
  }
  return hash.digest('hex');
}

async function throughNbd(spare: string, main: string, ...more: string[]): Promise<string> {
  const copy = shop.path('copy.img');
  const sockets = ['--unix', shop.path('s.nbd'), '--control', shop.path('s.ctl')];
  const line = [
    'serve',
    spare,
    '--main',
    main,
    '--read-only',
    ...more,
    ...sockets,
    '--run',
    `nbdcopy "$uri" ${copy}`,
  ];
  const { code, stderr } = await shop.run(line);
  assert.is(code, 0, stderr);
  return createHash('sha256').update(readFileSync(copy)).digest('hex');
}

slow('serve --read-only shows what the module left, and writes nothing', async () => {
  needs('nbdcopy');
  const main = shop.put('main.img', fixture('module/v3-adopted.main'));
  for (const [name, entries] of [
    [
      'accepted',
      [
        [12345, 64],
        [777, 65],
        [4000, 66],
      ],
    ],
    [
      'scratch',
      [
        [12345, 64],
        [777, 65],
      ],
    ],
  ] as const) {
    const image = spareOf(name);
    for (const [, at] of entries) image.fill(at, at * SECTOR, (at + 1) * SECTOR);
    const spare = shop.put('spare.img', image);
    const before = [fingerprint(spare), fingerprint(main)];
    const expected = readFileSync(main);
    for (const [sector, at] of entries) expected.fill(at, sector * SECTOR, (sector + 1) * SECTOR);
    assert.is(
      await throughNbd(spare, main),
      createHash('sha256').update(expected).digest('hex'),
      `${name} through NBD`,
    );
    assert.equal([fingerprint(spare), fingerprint(main)], before, 'nothing is written');
  }
  const writing = await shop.run(['serve', shop.put('spare.img', spareOf('accepted')), '--main', main]);
  assert.is(writing.code, 8);
  assert.match(writing.stderr, /served with --read-only\n[\s\S]*dmremap convert --layout redundant/);
});

test('what the module reads is handed to a running module', async () => {
  const spare = shop.put('spare.img', spareOf('accepted'));
  const main = shop.sparse('main.img', 16_384 * SECTOR);
  const line = ['table', spare, '--main', main, '--target', 'remap'];
  const { code, stdout } = await shop.run(line);
  assert.is(code, 0);
  assert.is(
    stdout,
    `0 16384 remap ${main} ${spare} 64 8128\n` +
      ['clear', 'remap 12345', 'remap 777', 'remap 4000']
        .map((message) => `# message: ${message}\n`)
        .join(''),
  );
  const gap = shop.put(
    'gap.img',
    acceptedImage({
      sectors: 2048,
      mainSectors: 16_384,
      entries: [
        [8, 64],
        [16, 66],
      ],
      generation: 3,
    }),
  );
  const gaps = await shop.run(['table', gap, '--main', main, '--target', 'remap']);
  assert.is(gaps.code, 8);
  assert.match(gaps.stderr, /leave gaps/);
  assert.is((await shop.run(['table', gap, '--main', main])).code, 0, 'a linear table needs no row');
});

test('a gap is closed by moving the data', async () => {
  const entries: readonly Entry[] = [
    [8, 64],
    [16, 66],
    [24, 300],
    [32, 65],
  ];
  const image = acceptedImage({ sectors: 2048, mainSectors: 16_384, entries, generation: 3 });
  for (const [main, at] of entries) image.fill(Number(main), Number(at) * SECTOR, (Number(at) + 1) * SECTOR);
  const data = shown(image);
  const spare = shop.put('spare.img', image);
  assert.is((await shop.run(['check', spare])).code, 4);
  const converted = await shop.run(['convert', spare, '--layout', 'module', '--yes']);
  assert.is(converted.code, 0, converted.stderr);
  const after = readFileSync(spare);
  assert.is(readsFrom(after), 64);
  assert.equal([...shown(after)], [...data]);
  assert.is((await shop.run(['check', spare])).code, 0);
});

test('create makes what the module reads', async () => {
  const spare = shop.put('spare.img', Buffer.alloc(2048 * SECTOR, 0xa5));
  const line = [
    'create',
    spare,
    '--layout',
    'module',
    '--main-size',
    '8M',
    '--spare-start',
    '64',
    '--yes',
    '--json',
  ];
  const document = documentOf(await shop.run(line), 'create');
  assert.equal(
    [document['layout'], document['max_entries'], document['data_sectors']],
    ['module', 252, 1984],
  );
  const image = readFileSync(spare);
  assert.is(readsFrom(image), 0);
  assert.equal([judge(image).n, judge(image).truth], [0, []]);
  assert.is((await shop.run(['check', spare])).code, 0);
  assert.is((await shop.run(['info', spare, '--json'])).code, 0);
});

slow('what the module could not read is refused, with the reason', async () => {
  const entries = Array.from({ length: 253 }, (_, index): Entry => [index, 100 + index]);
  const many = shop.put(
    'many.img',
    buildImage({ layout: 'redundant', sectors: 2048, maxEntries: 300, entries }),
  );
  const few = shop.put('few.img', spareOf('accepted'));
  const ours = shop.put('ours.img', buildImage({ layout: 'plain', sectors: 2048, maxEntries: 300, entries }));
  const convert = (path: string, ...rest: string[]) => [
    'convert',
    path,
    '--layout',
    'module',
    '--yes',
    ...rest,
  ];
  for (const path of [many, ours])
    await assertRefused(shop, convert(path), 'too-small', /takes 252 entries; .* has 253/, [path]);
  await assertRefused(shop, convert(few, '--spare-start', '15'), 'usage', /16 to 8191/, [few]);
  await assertRefused(shop, convert(few, '--spare-start', '8190'), 'usage', /3 are needed/, [few]);
  const empty = shop.sparse('empty.img', 8192 * SECTOR);
  const tooLow = [
    'create',
    empty,
    '--main-size',
    '16384s',
    '--layout',
    'module',
    '--spare-start',
    '4',
    '--yes',
  ];
  await assertRefused(shop, tooLow, 'usage', /16 to 8191$/m, [empty]);
  await assertRefused(
    shop,
    ['convert', few, '--layout', 'plain', '--spare-start', '64', '--yes'],
    'usage',
    /goes with --layout module/,
    [few],
  );
  await assertRefused(shop, ['resize', few, '--entries', '300', '--yes'], 'unsupported', /252/, [few]);
  const fresh = [
    'create',
    shop.sparse('new.img', 1 << 20),
    '--layout',
    'module',
    '--main-size',
    '8M',
    '--yes',
  ];
  await assertRefused(shop, [...fresh, '--entries', '100'], 'usage', /252 entries/, []);
  await assertRefused(shop, [...fresh, '--spare-start', '5'], 'usage', /16 to 2047/, []);
});
