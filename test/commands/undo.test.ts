import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openUndo } from '../../src/undo/reader.js';
import { run } from '../device/scratch.js';
import { healthyImage } from '../obligations/commands.js';
import { withoutPrivileges } from '../obligations/run-cli.js';
import { documentOf } from '../obligations/schemas.js';
import { hashOf, patient, Workshop } from '../obligations/workshop.js';
import { buildImage, DEFAULTS, type Fields } from '../support/build-image.js';
import { assert, needs, suite } from '../support/harness.js';
import { ASKING, assertRefused, type Change, CREATE, PREEN, WIPE } from './changes.js';

/** Before anything is overwritten it lies in an undo file; where none can be made, nothing is overwritten. */

const test = suite('changes and their undo files');
const slow = patient(test);
let shop: Workshop;
let dump = '';
test.beforeEach(async () => {
  shop = new Workshop();
  ({ dump } = await shop.healthy());
});
test.afterEach(() => shop.cleanUp());

/** No folder can be made there. */
const NO_STATE = { DMREMAP_STATE_DIR: '/proc/no-undo-files-here' };
const UUID = DEFAULTS.spareUuid.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

/** A plain spare, which has one copy. */
const plain = (fields: Fields = {}, state = 0) =>
  buildImage({ layout: 'plain', sectors: 2048, maxEntries: 255, entries: [[7, 16]], state, fields });

/** Reserved bytes that check -y clears, in another sector than the checksum. */
const CLUTTER = Buffer.alloc(3000).fill(1, 2000);

const SAVED: readonly (Change & { readonly file: string })[] = [
  ...ASKING.map((change) => ({ ...change, file: `${UUID}-1-${change.name}.undo` })),
  {
    name: 'check',
    image: () => plain({ reserved_back: CLUTTER }),
    line: (spare) => ['check', '-y', spare],
    file: '-1-check.undo',
  },
];

for (const { name, image, line, file } of SAVED) {
  slow(`${name} saves what it overwrites`, async () => {
    const before = image();
    const spare = shop.put('spare.img', before);
    const { code, stderr } = await shop.run(line(spare, dump));
    assert.ok(code === 0 || code === 1, stderr);
    const files = readdirSync(shop.state);
    assert.is(files.length, 1, 'one change, one file');
    assert.ok(files[0]?.endsWith(file), `${files} instead of ${file}`);
    const path = join(shop.state, files[0] ?? '');
    assert.is(statSync(path).mode & 0o077, 0, 'for its owner alone');
    assert.equal(await undone(path, readFileSync(spare)), before);
  });
}

/** The image with the saved bytes put back. The file must say that its change is finished. */
async function undone(path: string, after: Buffer): Promise<Buffer> {
  const undo = await openUndo(path);
  if (!('description' in undo)) throw new Error(`${path}: ${JSON.stringify(undo)}`);
  assert.is(undo.state, 'finished');
  const image = Buffer.from(after);
  for (const block of undo.description.blocks) {
    const bytes = new Uint8Array(block.length);
    await undo.readBefore(block, 0, bytes);
    image.set(bytes, block.at);
  }
  await undo.close();
  return image;
}

slow('what a redundant set mends from its other copy needs none', async () => {
  const spare = shop.put('spare.img', PREEN.image());
  const { code, stderr } = await shop.run(PREEN.line(spare, dump), { env: NO_STATE });
  assert.is(code, 1, stderr);
  // nor does a plain one whose change lies within one sector
  const dirty = shop.put('dirty.img', plain({}, 1));
  assert.is((await shop.run(['check', '-p', dirty], { env: NO_STATE })).code, 1);
});

slow('the state directory cannot be written', async () => {
  if (process.geteuid?.() === 0) needs('setpriv');
  const state = shop.folderAt('state');
  for (const { image, line } of SAVED) {
    const spare = shop.put('spare.img', image());
    if (process.geteuid?.() === 0) chownSync(state, 65534, 65534);
    chmodSync(state, 0o555);
    const error = await assertRefused(shop, line(spare, dump), 'undo-unavailable', /undo/, [spare], {
      run: withoutPrivileges,
      env: shop.env,
    });
    assert.ok(String(error['path']).startsWith(state), 'it says where');
    assert.equal(readdirSync(state), []);
  }
});

slow('places where no undo file may lie', async () => {
  const spare = shop.put('spare.img', healthyImage());
  const line = WIPE.line(spare, dump);
  for (const file of [
    spare,
    '/proc/no/where.undo',
    shop.folder,
    '/dev/null',
    shop.path('no/such/folder/a.undo'),
  ])
    await assertRefused(shop, [...line, '--undo-file', file], 'undo-unavailable', /undo/, [spare]);
  await assertRefused(shop, line, 'undo-unavailable', /undo/, [spare], { env: NO_STATE });
});

slow('the spare cannot hold its own undo file, nor can main', async () => {
  needs('root', 'losetup', '/dev/loop-control', 'mkfs.ext4', 'mount');
  const image = shop.sparse('main-disk.img', 32 << 20);
  const main = shop.loop(image);
  run('mkfs.ext4', '-q', '-F', main);
  const point = shop.folderAt('mounted');
  const unmount = shop.mount(main, point);
  const spare = shop.sparse('blank.img', 1 << 20);
  await assertRefused(
    shop,
    ['create', spare, '--main', main, '--yes'],
    'undo-unavailable',
    /lies on main/,
    [spare],
    {
      env: { DMREMAP_STATE_DIR: join(point, 'state') },
    },
  );
  const inside = join(point, 'spare.img');
  run('truncate', '-s', '1M', inside);
  const created = await shop.run(['create', inside, '--main-size', '1G', '--yes']);
  assert.is(created.code, 0, created.stderr);
  unmount();
});

slow('--undo-file and --no-undo', async () => {
  const spare = shop.put('spare.img', healthyImage());
  const own = shop.path('own.undo');
  const json = documentOf(await shop.run([...WIPE.line(spare, dump), '--undo-file', own, '--json']), 'wipe');
  assert.is(json['undo_file'], own);
  assert.equal(await undone(own, readFileSync(spare)), healthyImage());

  shop.put('spare.img', healthyImage());
  const none = documentOf(await shop.run([...CREATE.line(spare, dump), '--no-undo', '--json']), 'create');
  assert.is(none['undo_file'], null);
  assert.not.ok(existsSync(shop.state));

  // of one copy nothing could be taken back
  const single = shop.put('plain.img', plain({}));
  const line = ['wipe', single, '--discard-remaps', '1', '--yes', '--no-undo'];
  await assertRefused(shop, line, 'undo-unavailable', /one copy/, [single]);
  await assertRefused(
    shop,
    [...CREATE.line(spare, dump), '--layout', 'plain', '--no-undo'],
    'undo-unavailable',
    /one copy/,
    [spare],
  );
});

slow('an undo file is never replaced', async () => {
  const spare = shop.put('spare.img', healthyImage());
  const hashes = new Map<string, string>();
  for (let times = 0; times < 3; times++) {
    shop.put('spare.img', healthyImage());
    assert.is((await shop.run(WIPE.line(spare, dump))).code, 0);
    for (const [path, hash] of hashes) assert.is(hashOf(path), hash);
    for (const name of readdirSync(shop.state))
      hashes.set(join(shop.state, name), hashOf(join(shop.state, name)));
    assert.is(hashes.size, times + 1);
  }
});
