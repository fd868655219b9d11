import { findMapping } from '../../src/device/mapping.js';
import { listBlockDevices } from '../../src/machine/list.js';
import { assert, suite } from '../support/harness.js';
import { MadeUpMachine } from './made-up-machine.js';

const test = suite('mappings');
let machine: MadeUpMachine;
test.beforeEach(() => {
  machine = new MadeUpMachine();
  const files = { 'dm/name': 'own\n', 'dm/uuid': 'DMREMAP-plain\n', 'dm/suspended': '1\n' };
  machine.disk('sda', { number: '8:0' });
  machine.disk('dm-0', { number: '253:0', files: { 'dm/name': 'vg-root\n', 'dm/suspended': '0\n' } });
  machine.disk('dm-3', { number: '253:3', files: { ...files, ro: '1\n' }, slaves: ['sda'] });
});
test.afterEach(() => machine.cleanUp());

test('a mapping is found by the name that dmsetup gives it', () => {
  assert.equal(findMapping('own', machine.roots), {
    name: 'own',
    uuid: 'DMREMAP-plain',
    number: '253:3',
    suspended: true,
    readOnly: true,
  });
  const other = findMapping('vg-root', machine.roots);
  assert.equal([other?.uuid, other?.suspended, other?.readOnly], ['', false, false]);
});

test('what is none is not found', () => {
  for (const name of ['dm-3', 'sda', 'nobody', '', '/nowhere', machine.folder])
    assert.is(findMapping(name, machine.roots), undefined, name);
});

test('a list of devices tells which one answers no request', () => {
  const suspended = listBlockDevices(machine.roots).filter((one) => one.suspended);
  assert.equal(
    suspended.map(({ name }) => name),
    ['dm-3'],
  );
});
