import { createHash } from 'node:crypto';
import { identify } from '../../src/device/identity.js';
import { stableName } from '../../src/device/stable-name.js';
import { assert, suite } from '../support/harness.js';
import { MadeUpMachine } from './made-up-machine.js';

const test = suite('identity of partitions and volumes');
let machine: MadeUpMachine;
test.beforeEach(() => {
  machine = new MadeUpMachine();
});
test.afterEach(() => machine.cleanUp());

const ask = (deviceNumber: string | undefined) => identify({ deviceNumber }, machine.roots);

const SATA = 'pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0';

test('a partition is named by itself, never by its disk', async () => {
  machine.disk('sda', {
    number: '8:0',
    at: SATA,
    device: { wwid: 'naa.5000c500a1b2c3d4\n', model: 'WDC\n' },
  });
  machine.partition('sda', 1, { number: '8:1', files: { uevent: 'DEVNAME=sda1\nPARTUUID=6F0C1E2A-01\n' } });
  machine.partition('sda', 2, { number: '8:2', start: 4096 });
  machine.devLink('disk/by-id/wwn-0x5000c500a1b2c3d4-part1', 'sda1');
  assert.equal(await ask('8:1'), {
    mainId: 'partuuid:6f0c1e2a-01',
    kind: 'partition',
    model: 'WDC',
    wwn: '0x5000c500a1b2c3d4',
    partuuid: '6f0c1e2a-01',
    byIdPath: `${machine.roots.dev}/disk/by-id/wwn-0x5000c500a1b2c3d4-part1`,
  });
  assert.is((await ask('8:2')).mainId, '');
  machine.file('udev', 'data/b8:2', 'S:disk/by-id/x\nE:ID_PART_ENTRY_UUID=6f0c1e2a-02\n');
  assert.is((await ask('8:2')).mainId, 'partuuid:6f0c1e2a-02');
});

test('device-mapper and md', async () => {
  const id = 'LVM-Jq2fN8cSd0eTbxDQ4WBvQXHo5dyRlyqLzNCa1bQ0q2Tt7Yw8kPLm3vXcB6hG5fJs';
  machine.disk('dm-0', { number: '253:0', files: { 'dm/uuid': `${id}\n`, 'dm/name': 'vg-data\n' } });
  machine.disk('dm-1', { number: '253:1', files: { 'dm/uuid': 'mpath-35000c500a1b2c3d4\n' } });
  machine.disk('dm-2', { number: '253:2', files: { 'dm/uuid': '\n', 'dm/name': 'bare\n' } });
  machine.disk('md0', { number: '9:0', files: { 'md/uuid': '12345678-9abc-def0-1234-56789abcdef0\n' } });
  machine.disk('md127', { number: '9:127' });
  machine.file('udev', 'data/b9:127', 'E:MD_UUID=12345678:9abcdef0:12345678:9abcdef1\n');
  const long = await ask('253:0');
  assert.is(long.kind, 'dm');
  const digest = createHash('sha256').update(`dm:${id}`).digest('hex').slice(0, 56);
  assert.is(long.mainId, `sha256:${digest}`);
  assert.is(long.mainId.length, 63);
  assert.is((await ask('253:1')).mainId, 'dm:mpath-35000c500a1b2c3d4');
  assert.is((await ask('253:2')).mainId, '');
  assert.equal(await ask('9:0'), { mainId: 'md:12345678:9abcdef0:12345678:9abcdef0', kind: 'md' });
  assert.is((await ask('9:127')).mainId, 'md:12345678:9abcdef0:12345678:9abcdef1');
});

test('an id of exactly 64 bytes stays, one of 65 does not', async () => {
  const serial = 'S'.repeat(64 - 'serial:'.length);
  machine.disk('vda', { number: '254:0', files: { serial } });
  machine.disk('vdb', { number: '254:16', files: { serial: `${serial}S` } });
  assert.is((await ask('254:0')).mainId, `serial:${serial}`);
  assert.match((await ask('254:16')).mainId, /^sha256:[0-9a-f]{56}$/);
});

test('loop devices have none, their partitions do', async () => {
  machine.disk('loop0', { number: '7:0', files: { 'loop/backing_file': '/tmp/x.img\n' } });
  machine.partition('loop0', 1, { number: '259:0', files: { uevent: 'DEVNAME=loop0p1\nPARTUUID=ab-01\n' } });
  assert.equal(await ask('7:0'), { mainId: '', kind: 'loop' });
  assert.is((await ask('259:0')).mainId, 'partuuid:ab-01');
});

test('the name that lasts', () => {
  machine
    .disk('dm-0', { number: '253:0' })
    .disk('cciss!c0d0', { number: '104:0' })
    .disk('sda', { number: '8:0' });
  const name = (deviceNumber: string | undefined) =>
    stableName({ deviceNumber }, machine.roots)?.slice(machine.roots.dev.length);
  assert.is(name('253:0'), undefined);
  machine.devLink('mapper/vg-data', 'dm-0');
  assert.is(name('253:0'), '/mapper/vg-data');
  machine.devLink('disk/by-id/dm-uuid-LVM-x', 'dm-0');
  machine.devLink('disk/by-id/dm-name-vg-data', 'dm-0');
  assert.is(name('253:0'), '/disk/by-id/dm-name-vg-data');
  machine.devLink('disk/by-id/cciss-3600', 'cciss/c0d0');
  assert.is(name('104:0'), '/disk/by-id/cciss-3600');
  machine.devLink('disk/by-uuid/1234', 'sda');
  assert.is(name('8:0'), undefined, 'the file system may go elsewhere');
  assert.is(name(undefined), undefined);
});
