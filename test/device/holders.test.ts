import { holdersOf } from '../../src/device/holders.js';
import { processName } from '../../src/device/processes.js';
import { assert, suite } from '../support/harness.js';
import { MadeUpMachine } from './made-up-machine.js';

const test = suite('holders');
let machine: MadeUpMachine;
test.beforeEach(() => {
  machine = new MadeUpMachine();
});
test.afterEach(() => machine.cleanUp());

const names = (deviceNumber: string): string[] =>
  holdersOf({ deviceNumber, dev: 6n, ino: 94n }, { roots: machine.roots }).map(
    ({ kind, name }) => `${kind}: ${name}`,
  );

function mounted(...lines: [number: string, point: string, source: string][]): void {
  const text = lines.map(
    ([number, point, source], index) =>
      `${index + 30} 1 ${number} / ${point} rw,relatime shared:1 - ext4 ${source} rw`,
  );
  machine.file('proc', 'self/mountinfo', `${text.join('\n')}\n`);
}

function build(): void {
  machine.disk('sda', { number: '8:0' }).disk('sdb', { number: '8:16' });
  machine.partition('sda', 1, { number: '8:1' }).partition('sda', 2, { number: '8:2' });
  machine.disk('dm-0', { number: '253:0', slaves: ['sda2'], files: { 'dm/name': 'vg-root\n' } });
  machine.disk('dm-1', { number: '253:1', slaves: ['dm-0'], files: { 'dm/name': 'crypt\n' } });
  machine.disk('md0', { number: '9:0', slaves: ['sdb'] });
  machine.disk('bcache0', { number: '252:0', slaves: ['sda1'] });
}

test('nobody', () => {
  build();
  assert.equal(names('252:0'), []);
  assert.equal(names('8:77'), []);
});

test('mounts, with spaces and terminal tricks in their names', () => {
  machine.disk('sdb', { number: '8:16' });
  mounted(
    ['8:16', '/mnt/my\\040disk', '/dev/sdb'],
    ['8:17', '/other', '/dev/sdc'],
    ['8:16', '/a\\012b', '/dev/sdb'],
  );
  assert.equal(names('8:16'), ['mount: mounted on /mnt/my disk', 'mount: mounted on /a\\012b']);
});

test('a device that sysfs does not know is still found mounted', () => {
  mounted(['8:16', '/mnt', '/dev/sdb']);
  assert.equal(names('8:16'), ['mount: mounted on /mnt']);
});

test('what is stacked on a disk, on its partitions, and mounted above', () => {
  build();
  mounted(
    ['253:1', '/home', '/dev/mapper/crypt'],
    ['8:1', '/boot', '/dev/sda1'],
    ['9:0', '/data', '/dev/md0'],
  );
  assert.equal(names('8:0'), [
    'partition-mounted: partition sda1 mounted on /boot',
    'device: partition sda1 part of bcache0',
    'dm: partition sda2 part of dm-0 (vg-root)',
    'dm: dm-0 (vg-root) part of dm-1 (crypt)',
    'mount: dm-1 (crypt) mounted on /home',
  ]);
  assert.equal(names('8:2'), [
    'dm: part of dm-0 (vg-root)',
    'dm: dm-0 (vg-root) part of dm-1 (crypt)',
    'mount: dm-1 (crypt) mounted on /home',
  ]);
  assert.equal(names('8:16'), ['md: part of md0', 'mount: md0 mounted on /data']);
});

test('a partition of a disk that multipath has', () => {
  machine.disk('sda', { number: '8:0' }).partition('sda', 1, { number: '8:1' });
  machine.disk('dm-0', { number: '253:0', slaves: ['sda'], files: { 'dm/name': 'mpatha\n' } });
  assert.equal(names('8:1'), ['dm: part of dm-0 (mpatha)']);
});

test('how a process is called', () => {
  const named = (pid: number, ...words: string[]): string => {
    machine.file('proc', `${pid}/cmdline`, words.map((word) => `${word}\0`).join(''));
    return processName(pid, machine.roots);
  };
  assert.is(
    named(1, '/usr/bin/node', '/usr/local/bin/dmremap', 'serve', 'SET=1'),
    'process 1 (dmremap serve)',
  );
  assert.is(
    named(2, 'node', '--enable-source-maps', '/opt/x/bin/run.js', 'check'),
    'process 2 (dmremap check)',
  );
  assert.is(named(3, 'node', '/opt/x/bin/fsck.dmremap3.js', '-a'), 'process 3 (fsck.dmremap3)');
  assert.is(named(4, '/usr/bin/dd', 'if=/dev/sda'), 'process 4 (dd)');
  assert.is(named(5, 'evil\u001b[2J\u009bname'), 'process 5 (evil?[2J?name)');
  assert.is(named(6, 'node'), 'process 6 (node)');
  assert.is(named(7), 'process 7');
  machine.file('proc', '8/comm', 'kworker/0:1\n');
  assert.is(processName(8, machine.roots), 'process 8 (kworker/0:1)');
  assert.is(processName(9, machine.roots), 'process 9');
});
