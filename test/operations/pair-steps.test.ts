import { FileDevice } from '../../src/device/file-device.js';
import { DeviceError } from '../../src/errors.js';
import { finishSwitch, retireSource } from '../../src/operations/pair-steps.js';
import { fails, Scratch } from '../device/scratch.js';
import { buildImage, type ImageSpec, patch } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { changed, FROM, NOW, Pair, SWITCHED, TO } from './pairs.js';

/** The steps that end a migration: in their order, under both locks, and only where they are still due. */

const test = suite('pair steps');

/** Requests in the order in which they reach the devices, by the number of the device in the pair. */
let requests: string[] = [];
let failing: (operation: string, path: string) => boolean = () => false;
const { flush, write } = FileDevice.prototype;
let scratch: Scratch;

test.beforeEach(() => {
  scratch = new Scratch();
  requests = [];
  failing = () => false;
  FileDevice.prototype.flush = async function () {
    note('flush', this.path);
    return flush.call(this);
  };
  FileDevice.prototype.write = async function (at, from) {
    note('write', this.path);
    return write.call(this, at, from);
  };
});
test.afterEach(() => {
  Object.assign(FileDevice.prototype, { flush, write });
  scratch.cleanUp();
});

function note(operation: 'flush' | 'write', path: string): void {
  requests.push(`${operation} ${/spare-(\d)/.exec(path)?.[1]}`);
  if (failing(operation, path)) throw new DeviceError(path, operation, 'EIO', undefined);
}

const finish = ({ paths }: Pair) => finishSwitch(paths[0] ?? '', paths[1] ?? '', BigInt(NOW));
const retire = ({ paths }: Pair) => retireSource(paths[0] ?? '', paths[1] ?? '', BigInt(NOW));

test('the source is flushed before the target is touched; backup before primary', async () => {
  const pair = new Pair(scratch, FROM, TO);
  await finish(pair);
  assert.equal(requests, ['flush 0', 'flush 1', 'write 1', 'flush 1', 'write 1', 'flush 1']);
  assert.equal(pair.image(1), buildImage(SWITCHED));
  assert.equal(pair.unchanged(), [true, false]);
});

test('a source that cannot be flushed leaves the target as it is', async () => {
  const pair = new Pair(scratch, FROM, TO);
  failing = (operation, path) => operation === 'flush' && path.includes('spare-0');
  await fails('io', finish(pair));
  assert.equal(requests, ['flush 0']);
  assert.equal(pair.unchanged(), [true, true]);
});

test('retiring writes the source alone', async () => {
  const active = changed(FROM, { role: 0 });
  const pair = new Pair(scratch, active, changed(SWITCHED, { generation: 12 }));
  await retire(pair);
  assert.equal(requests, ['flush 0', 'write 0', 'flush 0', 'write 0', 'flush 0']);
  assert.equal(pair.unchanged(), [false, true]);
});

test('a failed write of the backup leaves the primary as it is', async () => {
  const pair = new Pair(scratch, FROM, TO);
  failing = (operation) => operation === 'write';
  await fails('io', finish(pair));
  assert.equal(pair.unchanged(), [true, true]);
  failing = () => false;
  await finish(pair);
  assert.equal(pair.image(1), buildImage(SWITCHED));
});

/** What may have become of the pair between the check and the locks. */
const NO_LONGER: readonly (readonly [name: string, from: ImageSpec, to: ImageSpec])[] = [
  ['the source is active again', changed(FROM, { role: 0, generation: 9 }), TO],
  ['the target lacks something', FROM, changed(TO, { fields: { migration_cursor: 2 } })],
  ['the target is of another generation', FROM, changed(TO, { fields: { peer_generation: 8 } })],
  ['the target is active by now', FROM, SWITCHED],
  ['the source is retired for another', changed(FROM, { fields: { peer_uuid: Buffer.alloc(16, 1) } }), TO],
];

for (const [name, from, to] of NO_LONGER)
  test(`nothing is done where ${name}`, async () => {
    const pair = new Pair(scratch, from, to);
    await fails('changed-since', finish(pair));
    await fails('changed-since', retire(pair));
    assert.equal(pair.unchanged(), [true, true]);
    assert.equal(
      requests.filter((request) => request.startsWith('write')),
      [],
    );
  });

test('nothing is done where one of them has been damaged since', async () => {
  const to = buildImage(TO);
  patch(to, 'backup', 'total_remaps_created', 77);
  const pair = new Pair(scratch, FROM, to);
  await fails('changed-since', finish(pair));
  assert.equal(pair.unchanged(), [true, true]);
  const lost = buildImage(TO);
  lost.fill(0);
  await fails('not-dmremap3', finish(new Pair(scratch, FROM, lost)));
});

test('a source whose copies are not whole is not passed over', async () => {
  const from = buildImage(FROM);
  from.fill(0, 0, 4096);
  const pair = new Pair(scratch, from, TO);
  await fails('changed-since', finish(pair));
  assert.equal(pair.unchanged(), [true, true]);
});

test('a device that somebody else holds is not waited for', async () => {
  const pair = new Pair(scratch, FROM, TO);
  const { openDevice } = await import('../../src/device/open.js');
  for (const path of pair.paths) {
    const held = await openDevice(path, { mode: 'exclusive' });
    await fails('busy', finish(pair));
    await held.close();
  }
  assert.equal(pair.unchanged(), [true, true]);
});
