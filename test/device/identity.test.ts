import { identify } from '../../src/device/identity.js';
import { assert, suite } from '../support/harness.js';
import { MadeUpMachine, vpdPage } from './made-up-machine.js';

const test = suite('identity of disks');
let machine: MadeUpMachine;
test.beforeEach(() => {
  machine = new MadeUpMachine();
});
test.afterEach(() => machine.cleanUp());

const ask = (deviceNumber: string | undefined) => identify({ deviceNumber }, machine.roots);

const SATA = 'pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0';
const serialPage = (serial: string): Uint8Array => vpdPage(0x80, Buffer.from(serial));

test('an image file has none', async () => {
  assert.equal(await ask(undefined), { mainId: '', kind: 'image' });
});

test('a device that sysfs does not know has none', async () => {
  assert.equal(await ask('8:0'), { mainId: '', kind: 'disk' });
});

test('a SATA disk with a world-wide name', async () => {
  machine.disk('sda', {
    number: '8:0',
    at: SATA,
    device: {
      wwid: 'naa.5000C500a1b2c3d4\n',
      model: 'ST4000DM000-1F21\n',
      vendor: 'ATA     \n',
      vpd_pg80: serialPage('            Z301ABCD'),
    },
  });
  machine.devLink('disk/by-id/wwn-0x5000c500a1b2c3d4', 'sda');
  machine.devLink('disk/by-id/ata-ST4000DM000-1F2168_Z301ABCD', 'sda');
  machine.devLink('disk/by-path/pci-0000:00:17.0-ata-1', 'sda');
  assert.equal(await ask('8:0'), {
    mainId: 'wwn:0x5000c500a1b2c3d4',
    kind: 'disk',
    model: 'ST4000DM000-1F21',
    serial: 'Z301ABCD',
    wwn: '0x5000c500a1b2c3d4',
    byIdPath: `${machine.roots.dev}/disk/by-id/ata-ST4000DM000-1F2168_Z301ABCD`,
  });
});

test('an old SATA disk without one', async () => {
  machine.disk('sda', {
    number: '8:0',
    at: SATA,
    device: {
      wwid: 't10.ATA     ST3500418AS                             9VM0ABCD\n',
      model: 'ST3500418AS     \n',
      vpd_pg80: serialPage('9VM0ABCD'),
    },
  });
  machine.disk('sdb', {
    number: '8:16',
    at: SATA.replaceAll('0:0:0', '1:0:0'),
    device: {
      wwid: 't10.ATA     ST3500418AS                             9VM0WXYZ\n',
      model: 'ST3500418AS\n',
    },
  });
  assert.is((await ask('8:0')).mainId, 'serial:ST3500418AS_9VM0ABCD');
  assert.is((await ask('8:16')).mainId, 'serial:ST3500418AS_9VM0WXYZ');
});

test('a SAS disk whose kernel makes no wwid of page 0x83', async () => {
  const designators = Buffer.concat([
    Buffer.from([0x02, 0x01, 0, 8]),
    Buffer.from('SEAGATE '),
    Buffer.from([0x61, 0x93, 0, 8]), // NAA of its port, not of the disk
    Buffer.from('5000c50011111111', 'hex'),
    Buffer.from([0x01, 0x02, 0, 8]), // EUI-64
    Buffer.from('0025385b71b0c1d2', 'hex'),
    Buffer.from([0x01, 0x03, 0, 8]),
    Buffer.from('5000c500aabbccdd', 'hex'),
  ]);
  machine.disk('sda', { number: '8:0', at: SATA, device: { vpd_pg83: vpdPage(0x83, designators) } });
  assert.is((await ask('8:0')).mainId, 'wwn:0x5000c500aabbccdd');
  const long = Buffer.concat([
    Buffer.from([0x01, 0x03, 0, 16]),
    Buffer.from('6001405'.padEnd(32, '7'), 'hex'),
  ]);
  machine.disk('sdb', { number: '8:16', at: 'x/1:0:0:0', device: { vpd_pg83: vpdPage(0x83, long) } });
  assert.is((await ask('8:16')).mainId, `wwn:0x${'6001405'.padEnd(32, '7')}`);
  // As Linux 6.1 shows its scsi_debug disks: the name among those of port and target.
  const debug = Buffer.from(
    `00 83 00 70 02 01 00 1c 4c 69 6e 75 78 20 20 20 73 63 73 69 5f 64 65 62 75 67 20 20 20 20 20 20
     32 30 30 30 01 03 00 08 33 33 33 30 00 00 07 d0 61 94 00 04 00 00 00 01 61 93 00 08 32 22 22 20
     00 00 07 ce 61 95 00 04 00 00 01 00 61 a3 00 08 32 22 22 20 00 00 07 cd 63 a8 00 18 6e 61 61 2e
     33 32 32 32 32 32 32 30 30 30 30 30 30 37 43 44 00 00 00 00`.replace(/\s/g, ''),
    'hex',
  );
  machine.disk('sdd', {
    number: '8:48',
    at: 'x/3:0:0:0',
    device: { vpd_pg83: debug, vpd_pg80: serialPage('2000') },
  });
  const known = await ask('8:48');
  assert.equal([known.mainId, known.serial], ['wwn:0x33333330000007d0', '2000']);
  const torn = Buffer.from([0x01, 0x03, 0, 200, 1, 2, 3]);
  machine.disk('sdc', { number: '8:32', at: 'x/2:0:0:0', device: { vpd_pg83: vpdPage(0x83, torn) } });
  assert.is((await ask('8:32')).mainId, '');
});

test('NVMe: a world-wide name, or model, serial number and namespace', async () => {
  const device = { model: 'Samsung SSD 980 PRO 1TB                 \n', serial: 'S5GXNX0T123456      \n' };
  machine.disk('nvme0n1', {
    number: '259:0',
    at: 'pci0/nvme/nvme0',
    files: { wwid: 'eui.0025385B71B0C1D2\n', nsid: '1\n' },
    device,
  });
  machine.devLink('disk/by-id/nvme-eui.0025385b71b0c1d2', 'nvme0n1');
  machine.devLink('disk/by-id/nvme-Samsung_SSD_980_PRO_1TB_S5GXNX0T123456', 'nvme0n1');
  assert.equal(await ask('259:0'), {
    mainId: 'wwn:eui.0025385b71b0c1d2',
    kind: 'disk',
    model: 'Samsung SSD 980 PRO 1TB',
    serial: 'S5GXNX0T123456',
    wwn: 'eui.0025385b71b0c1d2',
    byIdPath: `${machine.roots.dev}/disk/by-id/nvme-Samsung_SSD_980_PRO_1TB_S5GXNX0T123456`,
  });
  const wwid = 'nvme.1b36-6465616462656566-51454d55204e564d65204374726c-00000002\n';
  machine.disk('nvme1n2', {
    number: '259:5',
    at: 'pci0/nvme/nvme1',
    files: { wwid, nsid: '2\n' },
    device: { model: 'QEMU NVMe Ctrl\n', serial: 'deadbeef\n' },
  });
  assert.is((await ask('259:5')).mainId, 'serial:QEMU_NVMe_Ctrl_deadbeef_2');
  machine.disk('nvme2n1', {
    number: '259:7',
    at: 'pci0/nvme/nvme2',
    files: { wwid: 'uuid.0f8fad5b-d9cb-469f-a165-70867728950e\n' },
  });
  assert.is((await ask('259:7')).mainId, 'wwn:uuid.0f8fad5b-d9cb-469f-a165-70867728950e');
  machine.disk('nvme3n1', {
    number: '259:8',
    at: 'pci0/nvme/nvme3',
    files: { wwid: 'eui.0000000000000000\n' },
  });
  assert.is((await ask('259:8')).mainId, '');
});

test('a USB stick by the serial number of its USB device, each slot of a card reader by itself', async () => {
  const usb = 'pci0000:00/usb1/1-2';
  machine.file('sysfs', `devices/${usb}/idVendor`, '0781\n');
  machine.file('sysfs', `devices/${usb}/serial`, '4C530001230101117392\n');
  for (const unit of [0, 1]) {
    machine.disk(unit === 0 ? 'sdb' : 'sdc', {
      number: `8:${16 + 16 * unit}`,
      at: `${usb}/1-2:1.0/host6/target6:0:0/6:0:0:${unit}`,
      device: { vendor: 'SanDisk \n', model: 'Ultra           \n' },
    });
  }
  assert.equal(await ask('8:16'), {
    mainId: 'serial:SanDisk_Ultra_4C530001230101117392-0:0',
    kind: 'disk',
    model: 'Ultra',
    serial: '4C530001230101117392',
  });
  assert.is((await ask('8:32')).mainId, 'serial:SanDisk_Ultra_4C530001230101117392-0:1');
});

test('virtio and MMC', async () => {
  machine.disk('vda', { number: '254:0', at: 'pci/virtio1', files: { serial: 'spare-07\n' }, device: {} });
  machine.disk('vdb', { number: '254:16', at: 'pci/virtio2', files: { serial: '\n' }, device: {} });
  assert.equal(await ask('254:0'), { mainId: 'serial:spare-07', kind: 'disk', serial: 'spare-07' });
  assert.equal(await ask('254:16'), { mainId: '', kind: 'disk' });
  const card = { name: 'DG4008\n', serial: '0x2c51b7c4\n' };
  machine.disk('mmcblk0', { number: '179:0', at: 'mmc0/mmc0:0001', device: card });
  machine.disk('mmcblk0boot0', { number: '179:8', at: 'mmc0/mmc0:0001/boot', device: card });
  assert.is((await ask('179:0')).mainId, 'serial:DG4008_0x2c51b7c4');
  assert.is((await ask('179:8')).mainId, 'serial:DG4008_0x2c51b7c4_boot0');
});

test('serial numbers that are none', async () => {
  for (const [index, serial] of ['00000000', '   ', '\u0000\u0000'].entries()) {
    machine.disk(`sd${'abc'[index]}`, {
      number: `8:${index * 16}`,
      at: `h/${index}:0:0:0`,
      device: { model: 'X\n', serial },
    });
    assert.is((await ask(`8:${index * 16}`)).mainId, '');
  }
  machine.disk('sdd', { number: '8:48', at: 'h/3:0:0:0', device: { wwid: 'naa.0000000000000000\n' } });
  assert.is((await ask('8:48')).mainId, '');
});

test('udev is asked only where sysfs knows nothing', async () => {
  machine.disk('sda', { number: '8:0', at: SATA, device: { model: 'BRIDGE\n' } });
  machine.file(
    'udev',
    'data/b8:0',
    'E:ID_WWN=0x5000c500a1b2c3d4\nE:ID_SERIAL=BRIDGE_123\nE:ID_SERIAL_SHORT=123\n',
  );
  assert.is((await ask('8:0')).mainId, 'wwn:0x5000c500a1b2c3d4');
  machine.disk('sdb', {
    number: '8:16',
    at: 'h/1:0:0:0',
    device: { model: 'B\n', vpd_pg80: serialPage('77') },
  });
  machine.file('udev', 'data/b8:16', 'E:ID_WWN=0x5000c500a1b2c3d4\n');
  assert.is((await ask('8:16')).mainId, 'serial:B_77');
});
