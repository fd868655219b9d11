import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { healthyImage } from '../obligations/commands.js';
import { documentOf } from '../obligations/schemas.js';
import { hashOf, Workshop } from '../obligations/workshop.js';
import { fixture } from '../support/fixtures.js';
import { assert, needs, suite } from '../support/harness.js';
import { assertRefused } from './changes.js';

/** Where dump -o writes: a whole file or none, never over anything that was not given up. */

const test = suite('dmremap dump -o');
let shop: Workshop;
let spare = '';
test.beforeEach(() => {
  shop = new Workshop();
  spare = shop.put('spare.img', healthyImage());
});
test.afterEach(() => shop.cleanUp());

test('every format is the same in a file and on standard output', async () => {
  for (const format of ['json', 'text', 'csv', 'hex', 'badblocks', 'ddrescue']) {
    const path = shop.path(`out.${format}`);
    const printed = await shop.run(['dump', spare, '--format', format]);
    const ended = await shop.run(['dump', spare, '--format', format, '-o', path, '--json']);
    assert.is(ended.code, 0, ended.stderr);
    assert.is(readFileSync(path, 'utf8'), printed.stdout, format);
    const { bytes, copy, valid, entries } = documentOf(ended, 'dump');
    assert.equal([bytes, copy, valid, entries], [printed.stdout.length, 'primary', true, 5]);
  }
  const usual = shop.path('usual');
  await shop.run(['dump', spare, '-o', usual]);
  assert.is(readFileSync(usual, 'utf8'), readFileSync(shop.path('out.json'), 'utf8'), 'a file is json');
});

test('a file that is there stays without --overwrite', async () => {
  const path = shop.path('there.json');
  writeFileSync(path, 'precious');
  await assertRefused(shop, ['dump', spare, '-o', path], 'usage', /is there already/, [path, spare]);
  chmodSync(path, 0o640);
  const { code } = await shop.run(['dump', spare, '-o', path, '--overwrite']);
  assert.is(code, 0);
  assert.is(JSON.parse(readFileSync(path, 'utf8')).complete, true);
  assert.is(statSync(path).mode & 0o777, 0o640, 'its mode is kept');
});

test('what is no file is never written', async () => {
  const folder = shop.folderAt('folder');
  const refusals: [path: string, says: RegExp][] = [
    [folder, /is a directory/],
    [`${folder}/`, /is a directory|no name for a file/],
    ['/dev/null', /no plain file/],
    [shop.path('no/such/folder.json'), /cannot be created/],
  ];
  for (const [path, says] of refusals)
    await assertRefused(shop, ['dump', spare, '-o', path, '--overwrite'], 'usage', says, [spare]);
  symlinkSync(spare, shop.path('link'));
  for (const path of [spare, shop.path('link')])
    await assertRefused(shop, ['dump', spare, '-o', path, '--overwrite'], 'usage', /worked on/, [spare]);
  assert.equal(readdirSync(folder), []);
});

test('a block device is never written', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const loop = shop.loop(shop.sparse('other.img', 1 << 20));
  const line = ['dump', spare, '-o', loop, '--overwrite'];
  await assertRefused(shop, line, 'usage', /block device/, [loop, spare]);
});

test('a full disk leaves no file, and an old one whole', async () => {
  needs('root', 'mount');
  const point = shop.folderAt('small');
  const unmount = shop.mount('-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', point);
  const large = shop.put('large.img', fixture('redundant-full'));
  const path = join(point, 'dump.json');
  for (const format of ['json', 'text', 'csv', 'hex']) {
    const line = ['dump', large, '-o', path, '--format', format];
    if (format === 'csv') continue; // 1,000 short lines fit
    await assertRefused(shop, line, 'no-space', /no space left/, [large]);
    assert.equal(readdirSync(point), [], format);
  }
  writeFileSync(path, 'the dump of yesterday');
  await assertRefused(shop, ['dump', large, '-o', path, '--overwrite'], 'no-space', /no space left/, [path]);
  assert.equal(readdirSync(point), ['dump.json']);
  unmount();
});

test('a damaged spare is dumped as far as it can be read, and that is said', async () => {
  const damaged = shop.put('damaged.img', fixture('flip-each'));
  const path = shop.path('damaged.json');
  const ended = await shop.run(['dump', damaged, '-o', path]);
  assert.is(ended.code, 4);
  assert.match(
    ended.stderr,
    /the primary copy is not valid \(.*checksum.*\): this is what can be read of it/,
  );
  const dump = JSON.parse(readFileSync(path, 'utf8'));
  assert.equal([dump.exit_code, dump.valid, dump.complete], [4, false, true]);
  assert.is(dump.entries.length, dump.header.entry_count);
  const printed = await shop.run(['dump', damaged]);
  assert.match(printed.stdout, /copy +primary \(not valid\)/);
});

test('what was never a spare leaves no file behind', async () => {
  const zeros = shop.sparse('zeros.img', 1 << 20);
  const path = shop.path('zeros.json');
  await assertRefused(shop, ['dump', zeros, '-o', path], 'not-dmremap3', /not a DMREMAP3 spare/, [zeros]);
  assert.not.ok(existsSync(path));
  const before = hashOf(spare);
  await shop.run(['dump', spare, '--copy', 'backup', '-o', path]);
  assert.is(JSON.parse(readFileSync(path, 'utf8')).copy, 'backup');
  assert.is(hashOf(spare), before);
});

test('the remapped sectors as lists of other tools', async () => {
  const list = async (...more: string[]) =>
    (await shop.run(['dump', spare, '--format', ...more])).stdout
      .split('\n')
      .filter((line) => !line.startsWith('#'));
  assert.equal(await list('badblocks', '--block-size', '512'), ['7', '8', '9', '1000', '4095', '']);
  assert.equal(await list('badblocks'), ['3', '4', '500', '2047', '']);
  assert.equal(await list('badblocks', '--block-size', '4K'), ['0', '1', '125', '511', '']);
  assert.equal(await list('ddrescue'), [
    '0x00000000     +               1',
    '0x00000000  0x00000E00  ?',
    '0x00000E00  0x00000600  -',
    '0x00001400  0x0007BC00  ?',
    '0x0007D000  0x00000200  -',
    '0x0007D200  0x00182C00  ?',
    '0x001FFE00  0x00000200  -',
    '',
  ]);
  await assertRefused(shop, ['dump', spare, '--block-size', '512'], 'usage', /is for --format badblocks/, [
    spare,
  ]);
});
