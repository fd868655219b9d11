import { judge, type Mode } from '../../src/check/checker.js';
import { ErrorDevice, type Fault } from '../../src/device/filters/error-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { DeviceError } from '../../src/errors.js';
import { diagnose } from '../../src/operations/diagnose.js';
import { checkDevice, idsOf } from '../check/check-device.js';
import { buildImage, type Entry, type ImageSpec, patch } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';

/** Bad sectors in the metadata: a problem (4) in one copy, no answer at all (8) in both (cli.md). */

const test = suite('read errors');

/** 300 entries: the live table takes ten sectors of each copy. */
const ENTRIES = Array.from({ length: 300 }, (_, index): Entry => [index * 5, 300 + index]);
const SPEC: ImageSpec = { layout: 'redundant', sectors: 2048, entries: ENTRIES };

const HEADER = 0;
const TABLE = 8;
const BACKUP_HEADER = 2048 - 8;
const BACKUP_TABLE = BACKUP_HEADER - 32;

function device(spec: Partial<ImageSpec>, ...faults: readonly Fault[]): ErrorDevice {
  const errors = new ErrorDevice(new MemoryDevice(new Uint8Array(buildImage({ ...SPEC, ...spec }))));
  for (const fault of faults) errors.addFault({ on: 'read', ...fault });
  return errors;
}

async function codes(spec: Partial<ImageSpec>, ...faults: readonly Fault[]): Promise<string> {
  return codesOf(device(spec, ...faults));
}

/** What -n, -p and -y would exit with, and what was found. */
async function codesOf(device: ErrorDevice): Promise<string> {
  const modes: readonly Mode[] = ['read', 'preen', 'yes'];
  const { problems } = await diagnose(device);
  const codes = modes.map((mode) => {
    const { correctable, exitCode } = judge(problems, mode);
    return correctable.length > 0 ? 1 : exitCode;
  });
  return `${codes.join('/')} ${idsOf(problems).join(', ')}`;
}

async function failure(spec: Partial<ImageSpec>, ...faults: readonly Fault[]): Promise<DeviceError> {
  const error: unknown = await diagnose(device(spec, ...faults)).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof DeviceError, 'there was an answer');
  assert.is(error.code, 'io');
  return error;
}

test('one header: the other copy counts, nothing is written', async () => {
  assert.is(await codes({}, { sector: HEADER }), '4/4/4 copy-unreadable');
  assert.is(await codes({}, { sector: HEADER, count: 8 }), '4/4/4 copy-unreadable');
  assert.is(await codes({}, { sector: BACKUP_HEADER }), '4/4/4 copy-unreadable');
  for (const sector of [HEADER, BACKUP_HEADER]) {
    const errors = device({}, { sector });
    const { exitCode, plan } = await checkDevice(errors, 'yes');
    assert.equal([exitCode, plan], [4, undefined]);
  }
});

test('the table of one copy, or the idle part of its header', async () => {
  for (const sector of [TABLE, TABLE + 9, BACKUP_TABLE, BACKUP_TABLE + 9, HEADER + 3, BACKUP_HEADER + 7])
    assert.is(await codes({}, { sector }), '4/1/1 copy-table-unreadable', `sector ${sector}`);
});

test('what is bad is told by sector and name', async () => {
  const { problems } = await diagnose(device({}, { sector: BACKUP_TABLE + 2, count: 3, errno: 'ENODATA' }));
  const [problem] = problems;
  assert.equal([problem?.copy, problem?.byte], ['backup', (BACKUP_TABLE + 2) * 512]);
  assert.is(problem?.detail, `ENODATA at sectors ${BACKUP_TABLE + 2} to ${BACKUP_TABLE + 4}`);
});

test('both copies: there is no answer', async () => {
  const pairs = [
    [HEADER, BACKUP_HEADER],
    [HEADER, BACKUP_TABLE],
    [TABLE, BACKUP_HEADER],
    [TABLE + 3, BACKUP_TABLE + 9],
  ] as const;
  for (const [one, other] of pairs) {
    const error = await failure({}, { sector: one }, { sector: other });
    assert.equal([error.operation, error.errno, error.sector], ['read', 'EIO', one]);
  }
});

test('a plain image has one copy', async () => {
  assert.is((await failure({ layout: 'plain' }, { sector: HEADER })).sector, HEADER);
  assert.is((await failure({ layout: 'plain' }, { sector: TABLE + 4 })).sector, TABLE + 4);
  // its end holds data, and whether that can be read is another question
  assert.is(await codes({ layout: 'plain' }, { sector: 2047 }), '0/0/0 ');
});

test('free slots, padding and data are not read', async () => {
  for (const sector of [TABLE + 10, TABLE + 31, 200, 300, BACKUP_TABLE + 10, BACKUP_TABLE + 31])
    assert.is(await codes({}, { sector }), '0/0/0 ', `sector ${sector}`);
});

test('an error that goes away is none', async () => {
  assert.is(await codes({}, { sector: HEADER, times: 1 }, { sector: BACKUP_TABLE, times: 1 }), '0/0/0 ');
});

test('a whole but older copy counts where the newer one cannot be read', async () => {
  const spec = { backupGeneration: 2, backupEntries: ENTRIES.slice(1) };
  assert.is(await codes(spec), '4/1/1 copy-stale');
  const errors = device(spec, { sector: BACKUP_TABLE });
  const { survey } = await diagnose(errors);
  assert.equal([survey.choice.chosen?.name, survey.choice.chosen?.header.generation], ['primary', 1]);
  assert.is(await codes(spec, { sector: BACKUP_TABLE }), '4/1/1 copy-table-unreadable');
  // two commits ahead it may hold what was answered for
  const ahead = { ...spec, backupGeneration: 3 };
  assert.is(await codes(ahead, { sector: BACKUP_TABLE }), '4/4/4 copy-claims-newer');
});

test('a damaged copy beside an unreadable one is a problem that can be told', async () => {
  const image = buildImage(SPEC);
  patch(image, 'primary', 'total_remaps_created', 9);
  const errors = new ErrorDevice(new MemoryDevice(new Uint8Array(image)));
  errors.addFault({ sector: BACKUP_HEADER, on: 'read' });
  assert.is(await codesOf(errors), '4/4/4 no-valid-copy');
  const { problems } = await diagnose(errors);
  const [problem] = problems;
  assert.match(
    problem?.detail ?? '',
    /primary: checksum stored .*; backup: .*header unreadable \(EIO at sector 2040\)/,
  );
});

test('a damaged plain image says so, whatever its last sectors are', async () => {
  const image = buildImage({ ...SPEC, layout: 'plain' });
  patch(image, 'primary', 'total_remaps_created', 9);
  const errors = new ErrorDevice(new MemoryDevice(new Uint8Array(image)));
  errors.addFault({ sector: 2047, on: 'read' });
  assert.is(await codesOf(errors), '4/4/4 no-valid-copy');
});
