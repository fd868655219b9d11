import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { LogDevice } from '../../src/device/filters/log-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { DeviceError } from '../../src/errors.js';
import { carryOut, type Phase } from '../../src/store/phase.js';
import { bytes } from '../../src/units.js';
import { assert, suite } from '../support/harness.js';

/** Phases reach the device in their order, a flush behind each, and none after a failure. */

const test = suite('carryOut');

const PHASES: readonly Phase[] = [
  {
    purpose: 'first',
    writes: [
      { at: bytes(4096), bytes: new Uint8Array(512).fill(1) },
      { at: bytes(0), bytes: new Uint8Array(1024).fill(2) },
    ],
  },
  { purpose: 'second', writes: [{ at: bytes(8192), bytes: new Uint8Array(512).fill(3) }] },
  { purpose: 'nothing', writes: [] },
];

function memory(): MemoryDevice {
  return new MemoryDevice(new Uint8Array(16_384));
}

test('a flush first, then each phase and its flush', async () => {
  const log = new LogDevice(memory());
  const told: string[] = [];
  await carryOut(log, PHASES, ({ purpose }, done, total) => told.push(`${purpose} ${done}/${total}`));
  assert.equal(log.lines(), [
    'flush',
    'write 4096+512',
    'write 0+1024',
    'flush',
    'write 8192+512',
    'flush',
    'flush',
  ]);
  assert.equal(told, ['first 0/3', 'second 1/3', 'nothing 2/3']);
});

test('the bytes are where they belong', async () => {
  const device = memory();
  await carryOut(device, PHASES);
  const expected = new Uint8Array(16_384).fill(2, 0, 1024).fill(1, 4096, 4608).fill(3, 8192, 8704);
  assert.equal(device.content, expected);
});

async function failsAt(break_: (errors: ErrorDevice) => void): Promise<[operation: string, lines: string[]]> {
  const log = new LogDevice(memory());
  const errors = new ErrorDevice(log);
  break_(errors);
  const error: unknown = await carryOut(errors, PHASES).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof DeviceError);
  return [error.operation, log.lines()];
}

test('nothing is written where what was read cannot be made durable', async () => {
  assert.equal(await failsAt((errors) => errors.failFlushes(1)), ['flush', []]);
});

test('after a failed write nothing follows, not even a flush', async () => {
  const failed = await failsAt((errors) => errors.addFault({ sector: 0, on: 'write' }));
  assert.equal(failed, ['write', ['flush', 'write 4096+512']]);
});

test('after a failed flush the next phase is not begun', async () => {
  const log = new LogDevice(memory());
  const errors = new ErrorDevice(log);
  const error: unknown = await carryOut(errors, PHASES, ({ purpose }) => {
    if (purpose === 'first') errors.failFlushes(1);
  }).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof DeviceError);
  assert.is(error.operation, 'flush');
  assert.equal(log.lines(), ['flush', 'write 4096+512', 'write 0+1024']);
});
