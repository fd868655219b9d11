import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { healthyImage } from '../obligations/commands.js';
import { documentOf } from '../obligations/schemas.js';
import { Workshop } from '../obligations/workshop.js';
import { assert, suite } from '../support/harness.js';
import { ASKING, assertRefused, type Change, RESTORE, WIPE } from './changes.js';

/** What a change overwrote comes back, byte for byte, and nothing else does. */

const test = suite('dmremap undo');
let shop: Workshop;
let dump = '';
test.beforeEach(async () => {
  shop = new Workshop();
  ({ dump } = await shop.healthy());
});
test.afterEach(() => shop.cleanUp());

/** Makes a spare and changes it; the bytes before and after. */
async function changed({ image, line }: Change): Promise<{ spare: string; before: Buffer; after: Buffer }> {
  const before = image();
  const spare = shop.put('spare.img', before);
  const { code, stderr } = await shop.run(line(spare, dump));
  assert.is(code, 0, stderr);
  return { spare, before, after: readFileSync(spare) };
}

for (const change of ASKING) {
  test(`${change.name} is undone, and the undo of it too`, async () => {
    const { spare, before, after } = await changed(change);
    // a main without an identity cannot be compared by itself: what lay there is all zeros, as main is
    const main = shop.sparse('compare.img', 4096 * 512);
    const undo = ['undo', spare, '--main', main, '--yes'];
    const first = documentOf(await shop.run([...undo, '--json']), 'undo');
    assert.equal(readFileSync(spare), before);
    assert.is(readdirSync(shop.state).length, 2);
    assert.equal(readdirSync(shop.state).includes(String(first['undo_file']).split('/').at(-1) ?? ''), true);
    const second = await shop.run(undo);
    assert.is(second.code, 0, second.stderr);
    assert.equal(readFileSync(spare), after);
  });
}

test('--list names the files of this spare, the newest first', async () => {
  const { spare } = await changed(RESTORE);
  const other = shop.put('other.img', healthyImage({ spare_uuid: Buffer.alloc(16, 3) }));
  await shop.run(WIPE.line(other, dump));
  assert.is((await shop.run(WIPE.line(spare, dump))).code, 0);
  const document = documentOf(await shop.run(['undo', spare, '--list', '--json']), 'undo');
  const files = document['files'];
  assert.ok(Array.isArray(files));
  if (!Array.isArray(files)) return;
  assert.equal(
    files.map(({ command, state }) => [command, state]),
    [
      ['wipe', 'finished'],
      ['restore', 'finished'],
    ],
  );
  const text = await shop.run(['undo', spare, '--list']);
  for (const { path } of files) assert.match(text.stdout, `    ${path}\n`);
});

test('without a file, or with one of another device', async () => {
  const spare = shop.put('spare.img', healthyImage());
  await assertRefused(shop, ['undo', spare, '--yes'], 'undo-unavailable', /no undo file/, [spare]);
  const other = shop.put('other.img', healthyImage({ spare_uuid: Buffer.alloc(16, 3) }));
  assert.is((await shop.run([...WIPE.line(other, dump), '--undo-file', shop.path('other.undo')])).code, 0);
  const line = ['undo', spare, '--from', shop.path('other.undo'), '--yes'];
  await assertRefused(shop, line, 'changed-since', /has changed since/, [spare]);
  await assertRefused(
    shop,
    ['undo', spare, '--from', shop.path('none'), '--yes'],
    'usage',
    /no such undo file/,
    [spare],
  );
  await assertRefused(shop, ['undo', spare, '--from', dump, '--yes'], 'undo-unavailable', /./, [spare]);
});

test('a device that has changed since', async () => {
  const { spare, after } = await changed(WIPE);
  const touched = Buffer.from(after);
  touched.write('somebody was here', 0);
  writeFileSync(spare, touched);
  await assertRefused(shop, ['undo', spare, '--yes'], 'changed-since', /the first at byte 0/, [spare]);
});

test('a main of another size is none', async () => {
  const { spare } = await changed(WIPE);
  const other = shop.sparse('other-main.img', 4095 * 512);
  const line = ['undo', spare, '--main', other, '--yes'];
  await assertRefused(shop, line, 'wrong-main', /is not the main of this set/, [spare]);
  await assertRefused(shop, [...line, '--accept-main', 'none'], 'wrong-main', /the set needs 4096/, [spare]);
});

test('the spare itself is no main', async () => {
  const { spare } = await changed(WIPE);
  await assertRefused(shop, ['undo', spare, '--main', spare, '--yes'], 'wrong-device', /is main/, [spare]);
  const whole = shop.put('whole.img', healthyImage());
  for (const command of ['check', 'table'])
    await assertRefused(shop, [command, whole, '--main', whole], 'wrong-device', /is main/, [whole]);
});

test('live entries that would come or go want a main whose data says that it makes no difference', async () => {
  const { spare, before, after } = await changed(WIPE);
  await assertRefused(shop, ['undo', spare, '--yes'], 'changed-since', /5 sectors of main/, [spare]);
  const main = Buffer.alloc(4096 * 512);
  main.write('newer data', 1000 * 512);
  const line = ['undo', spare, '--main', shop.put('newer.img', main), '--yes'];
  const error = await assertRefused(shop, line, 'changed-since', /data of sector 1000 differs/, [spare]);
  assert.is(error['main_sector'], 1000);
  assert.equal(readFileSync(spare), after);
  assert.is(
    (await shop.run(['undo', spare, '--main', shop.sparse('same.img', 4096 * 512), '--yes'])).code,
    0,
  );
  assert.equal(readFileSync(spare), before);
});

test('a damaged undo file', async () => {
  const { spare } = await changed(RESTORE);
  const path = join(shop.state, readdirSync(shop.state)[0] ?? '');
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(4600) ^ 1, 4600);
  writeFileSync(path, bytes);
  await assertRefused(shop, ['undo', spare, '--from', path, '--yes'], 'undo-unavailable', /damaged/, [spare]);
});

test('it asks, and only shows with --dry-run', async () => {
  const { spare, after } = await changed(RESTORE);
  await assertRefused(shop, ['undo', spare], 'no-terminal', /no terminal to ask on/, [spare]);
  const { code, stderr } = await shop.run(['undo', spare, '--dry-run']);
  assert.is(code, 0, stderr);
  assert.match(stderr, /will hold +5 entries, generation 1/);
  assert.equal(readFileSync(spare), after);
});
