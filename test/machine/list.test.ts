import { listBlockDevices } from '../../src/machine/list.js';
import { MadeUpMachine } from '../device/made-up-machine.js';
import { Scratch } from '../device/scratch.js';
import { assert, needs, suite } from '../support/harness.js';

const test = suite('list of block devices');
let machine: MadeUpMachine;
test.beforeEach(() => {
  machine = new MadeUpMachine();
});
test.afterEach(() => machine.cleanUp());

test('all that could hold a main or a spare, in order', () => {
  machine.disk('sdb', { number: '8:16', sectors: 4096, files: { ro: '1\n' } });
  machine.disk('sda', { number: '8:0', sectors: 100_000 });
  for (const part of [10, 2, 1]) machine.partition('sda', part, { number: `8:${part}`, sectors: part * 8 });
  machine.disk('nvme0n1', { number: '259:0' }).partition('nvme0n1', 1, { number: '259:1' });
  machine.disk('nvme0c1n1', { number: '259:9', files: { hidden: '1\n' } });
  machine
    .disk('loop10', { number: '7:10' })
    .disk('loop2', { number: '7:2' })
    .disk('loop3', { number: '7:3', sectors: 0 });
  machine.disk('dm-0', { number: '253:0', slaves: ['sda1'] }).disk('md127', { number: '9:127' });
  machine.disk('cciss!c0d0', { number: '104:0' });
  for (const [index, name] of ['ram0', 'zram0', 'sr0', 'fd0'].entries())
    machine.disk(name, { number: `1:${index}` });
  const found = listBlockDevices(machine.roots);
  assert.equal(
    found.map(({ name, kind, parent }) => `${name} ${kind}${parent === undefined ? '' : ` of ${parent}`}`),
    [
      'cciss!c0d0 disk',
      'dm-0 dm',
      'loop2 loop',
      'loop10 loop',
      'md127 md',
      'nvme0n1 disk',
      'nvme0n1p1 partition of nvme0n1',
      'sda disk',
      'sda1 partition of sda',
      'sda2 partition of sda',
      'sda10 partition of sda',
      'sdb disk',
    ],
  );
  assert.is(found[0]?.path, `${machine.roots.dev}/cciss/c0d0`);
  assert.equal(
    found.find(({ name }) => name === 'sda10'),
    {
      name: 'sda10',
      path: `${machine.roots.dev}/sda10`,
      deviceNumber: '8:10',
      kind: 'partition',
      size: 80 * 512,
      readOnly: false,
      parent: 'sda',
      suspended: false,
    },
  );
  assert.is(found.find(({ name }) => name === 'sdb')?.readOnly, true);
});

test('no sysfs, no devices', () => {
  assert.equal(listBlockDevices({ sysfs: `${machine.folder}/nowhere` }), []);
});

test('this machine', () => {
  needs('root', 'losetup', '/dev/loop-control');
  const scratch = new Scratch();
  try {
    const loop = scratch.loop(scratch.image('a.img', 1 << 20), '--read-only');
    const found = listBlockDevices().find(({ path }) => path === loop);
    assert.equal([found?.kind, found?.size, found?.readOnly], ['loop', 1 << 20, true]);
  } finally {
    scratch.cleanUp();
  }
});
