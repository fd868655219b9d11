import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { LogDevice } from '../../src/device/filters/log-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { DeviceError } from '../../src/errors.js';
import { ChangeFailed } from '../../src/store/failure.js';
import { carryOut, type IfFails, type Phase, type Write } from '../../src/store/phase.js';
import { bytes } from '../../src/units.js';
import { assert, suite } from '../support/harness.js';

/** Phases reach the device in their order, a flush behind each, and none after a failure. */

const test = suite('carryOut');

const write = (at: number, length: number, filled: number): Write => ({
  at: bytes(at),
  bytes: new Uint8Array(length).fill(filled),
});

const PHASES: readonly Phase[] = [
  { purpose: 'first', writes: [write(4096, 512, 1), write(0, 1024, 2)] },
  { purpose: 'second', writes: [write(8192, 512, 3)] },
  { purpose: 'nothing', writes: [] },
];

function memory(): MemoryDevice {
  return new MemoryDevice(new Uint8Array(16_384));
}

test('a flush first, then each phase and its flush', async () => {
  const log = new LogDevice(memory());
  const told: string[] = [];
  await carryOut(log, PHASES, {
    progress: ({ purpose }, done, total) => told.push(`${purpose} ${done}/${total}`),
  });
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

test('behind parts that are made, the first flush that fails has not left all as it was', async () => {
  const errors = new ErrorDevice(memory());
  errors.failFlushes(1);
  const partOf = { before: true, behind: false };
  const error: unknown = await carryOut(errors, PHASES, { partOf }).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof ChangeFailed);
  assert.equal([error.purpose, error.data?.['stands']], ['flush what was read', 'part']);
  assert.match(error.hint ?? '', /^a part of the change is made and nothing is lost/);
});

test('after a failed write nothing follows, not even a flush', async () => {
  const failed = await failsAt((errors) => errors.addFault({ sector: 0, on: 'write' }));
  assert.equal(failed, ['write', ['flush', 'write 4096+512']]);
});

test('after a failed flush the next phase is not begun', async () => {
  const log = new LogDevice(memory());
  const errors = new ErrorDevice(log);
  const error: unknown = await carryOut(errors, PHASES, {
    progress: ({ purpose }) => {
      if (purpose === 'first') errors.failFlushes(1);
    },
  }).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof DeviceError);
  assert.is(error.operation, 'flush');
  assert.equal(log.lines(), ['flush', 'write 4096+512', 'write 0+1024']);
});

/** What is told when the write of one phase fails, with the requests that follow it. */
async function toldAfter(ifFails: IfFails | undefined, alsoFailing: number[] = [], errno = 'EIO') {
  const log = new LogDevice(memory());
  const errors = new ErrorDevice(log);
  for (const sector of [8, ...alsoFailing]) errors.addFault({ sector, on: 'write', errno });
  const phase = { purpose: 'write it', writes: [write(4096, 512, 1)] };
  const error: unknown = await carryOut(errors, [
    ifFails === undefined ? phase : { ...phase, ifFails },
  ]).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof ChangeFailed);
  const { stands, lost, generation, code, hint = '' } = error;
  return { stands, lost, generation, code, hint, lines: log.lines().slice(1) };
}

const then = (sector: number) => ({ purpose: `sector ${sector}`, writes: [write(sector * 512, 512, 9)] });
const RETREAT: IfFails = {
  copy: 'backup',
  secure: [then(0), then(1)],
  tidy: [then(2), then(3)],
  stands: 'after',
  generation: 7,
};

test('what a phase asks for in that case is made durable before anybody is told', async () => {
  const { hint, ...told } = await toldAfter(RETREAT);
  const lines = [0, 512, 1024, 1536].flatMap((at) => [`write ${at}+512`, 'flush']);
  assert.equal(told, { stands: 'after', lost: 'backup', generation: 7, code: 'io', lines });
  assert.match(
    hint,
    /^the change is made, but there is one copy only: the backup copy could not be written; /,
  );
  assert.match(hint, /next: dmremap check -p memory, .* dmremap dump -o FILE memory$/);
});

test('what only tidies may fail', async () => {
  const { stands, lines } = await toldAfter(RETREAT, [2]);
  assert.equal([stands, lines.length], ['after', 4]);
});

test('where the retreat fails nothing is known, and nothing more is written', async () => {
  const { hint, ...told } = await toldAfter(RETREAT, [1]);
  const lines = ['write 0+512', 'flush'];
  assert.equal(told, { stands: 'unknown', lost: undefined, generation: undefined, code: 'io', lines });
  assert.is(
    hint,
    'it failed at this step: write it; what lies on the device is not known; next: dmremap check -p memory',
  );
  assert.is((await toldAfter(undefined)).stands, 'unknown');
});

test('a device that is full is told to be so', async () => {
  const { code, hint } = await toldAfter({ ...RETREAT, stands: 'before', copy: undefined }, [], 'ENOSPC');
  assert.is(code, 'no-space');
  assert.is(hint, 'nothing is lost and nothing is changed; make room, then: dmremap check -p memory');
});
