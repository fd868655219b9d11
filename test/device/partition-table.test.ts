import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { identify } from '../../src/device/identity.js';
import { openDevice } from '../../src/device/open.js';
import { partitionUuid, type TableDisk } from '../../src/device/partition-table.js';
import { assert, needs, suite } from '../support/harness.js';
import { MadeUpMachine } from './made-up-machine.js';
import { run, Scratch } from './scratch.js';

const test = suite('partition tables');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const UUIDS = ['0F8FAD5B-D9CB-469F-A165-70867728950E', '7C9E6679-7425-40DE-944B-E07FC1F90AE7'];
const MiB = 1 << 20;

let made: Buffer | undefined;

/** An image with a GPT of two partitions, made by sgdisk (once: it takes its time). */
function gpt(): Buffer {
  needs('sgdisk');
  if (made !== undefined) return Buffer.from(made);
  const path = scratch.path('gpt.img');
  run('truncate', '-s', '16M', path);
  run(
    'sgdisk',
    '--clear',
    '--new=1:2048:+4M',
    `--partition-guid=1:${UUIDS[0]}`,
    '--new=7:16384:+1M',
    `--partition-guid=7:${UUIDS[1]}`,
    path,
  );
  made = readFileSync(path);
  return Buffer.from(made);
}

function disk(content: Uint8Array, logicalBlockSize = 512): TableDisk {
  return {
    size: content.length,
    logicalBlockSize,
    read: async (at, length) =>
      at < 0 || at + length > content.length ? undefined : content.subarray(at, at + length),
  };
}

test('GPT', async () => {
  const content = gpt();
  const uuid = (number: number, start: number) => partitionUuid(disk(content), { number, start });
  assert.is(await uuid(1, 2048), UUIDS[0]?.toLowerCase());
  assert.is(await uuid(7, 16384), UUIDS[1]?.toLowerCase());
  assert.is(await uuid(1, 4096), undefined, 'the kernel sees another table');
  assert.is(await uuid(2, 2048), undefined);
  assert.is(await uuid(129, 2048), undefined);
});

test('the backup of a GPT', async () => {
  const content = gpt();
  content.fill(0, 512, 20 * 512);
  assert.is(await partitionUuid(disk(content), { number: 7, start: 16384 }), UUIDS[1]?.toLowerCase());
  content.fill(0, content.length - 512);
  assert.is(await partitionUuid(disk(content), { number: 7, start: 16384 }), undefined);
  assert.is(await partitionUuid(disk(content.subarray(0, 100)), { number: 1, start: 2048 }), undefined);
});

test('GPT in blocks of 4096 bytes', async () => {
  needs('root', 'losetup', '/dev/loop-control', 'sgdisk', 'partx');
  run('truncate', '-s', '64M', scratch.path('4k.img'));
  const loop = scratch.loop(scratch.path('4k.img'), '-b', '4096');
  run('sgdisk', '--clear', '--new=1:2048:+8M', `--partition-guid=1:${UUIDS[0]}`, loop);
  run('partx', '--add', loop);
  scratch.atEnd(() => run('partx', '--delete', loop));
  const partition = await openDevice(`${loop}p1`, { mode: 'read' });
  try {
    const { mainId, kind, partuuid } = await identify(partition);
    assert.equal([kind, mainId, partuuid], ['partition', `partuuid:${partuuid}`, UUIDS[0]?.toLowerCase()]);
    assert.equal([partition.logicalBlockSize, partition.size], [4096, 8 * MiB]);
  } finally {
    await partition.close();
  }
});

test('MBR', async () => {
  const content = Buffer.alloc(MiB);
  content.writeUInt16LE(0xaa55, 510);
  content.writeUInt32LE(0x6f0c1e2a, 440);
  content[446 + 4] = 0x83;
  content.writeUInt32LE(2048, 446 + 8);
  const uuid = (number: number, start: number) => partitionUuid(disk(content), { number, start });
  assert.is(await uuid(1, 2048), '6f0c1e2a-01');
  assert.is(await uuid(1, 63), undefined);
  assert.is(await uuid(10, 9999), '6f0c1e2a-0a');
  content.writeUInt32LE(0, 440);
  assert.is(await uuid(1, 2048), undefined, 'a signature of zero is no identity');
  content[511] = 0;
  assert.is(await uuid(1, 2048), undefined);
});

test('random bytes for a table', async () => {
  const content = gpt();
  let state = 12345;
  for (let round = 0; round < 300; round++) {
    const damaged = Buffer.from(content);
    for (let count = 0; count < 20; count++) {
      state = (state * 1103515245 + 12345) % 2147483648;
      damaged[512 + (state % 200)] = state >> 16;
    }
    await partitionUuid(disk(damaged), { number: 1, start: 2048 });
  }
});

test('the disk is read only where nobody tells', async () => {
  const machine = new MadeUpMachine();
  try {
    machine
      .disk('sda', { number: '8:0', sectors: 32768 })
      .partition('sda', 7, { number: '8:7', start: 16384 });
    machine.file('dev', 'sda', gpt());
    const ask = () => identify({ deviceNumber: '8:7' }, machine.roots);
    assert.is((await ask()).mainId, `partuuid:${UUIDS[1]?.toLowerCase()}`);
    machine.file('udev', 'data/b8:7', 'E:ID_PART_ENTRY_UUID=from-udev\n');
    assert.is((await ask()).mainId, 'partuuid:from-udev');
    const fd = openSync(`${machine.roots.dev}/sda`, 'r+');
    writeSync(fd, Buffer.alloc(512), 0, 512, 0);
    closeSync(fd);
    machine.file('udev', 'data/b8:7', '');
    assert.is((await ask()).mainId, '');
  } finally {
    machine.cleanUp();
  }
});
