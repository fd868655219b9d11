import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { identify } from '../../src/device/identity.js';
import { openDevice } from '../../src/device/open.js';
import { DmremapError } from '../../src/errors.js';
import {
  carryOutWithUndo,
  findUndoFiles,
  type HeldDevice,
  listUnfinished,
  spareIdentity,
  type UndoOptions,
  withUndo,
} from '../../src/operations/undo-files.js';
import { carryOut, type Phase } from '../../src/store/phase.js';
import { compareWithUndo, putBackPhases } from '../../src/undo/verify.js';
import { bytes } from '../../src/units.js';
import { fails, numbered, run, Scratch } from '../device/scratch.js';
import { buildImage, DEFAULTS } from '../support/build-image.js';
import { assert, needs, suite } from '../support/harness.js';
import { opened, phasesOf, SECTOR } from './support.js';

const test = suite('undo files of a change');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const SPARE_UUID = '99999999-8888-7777-6666-555555555555';
const OTHER_UUID = '12345678-8888-4777-8666-555555555555';

function folder(): string {
  return scratch.path('state');
}

function options(changes: Partial<UndoOptions> = {}): UndoOptions {
  return {
    command: 'repair',
    now: 1_696_195_200n,
    place: { surroundings: { environment: { DMREMAP_STATE_DIR: folder() } } },
    identity: { mainId: '', kind: 'image' },
    spareUuid: SPARE_UUID,
    setUuid: undefined,
    generation: 7,
    ...changes,
  };
}

async function using<Result>(path: string, work: (device: HeldDevice) => Promise<Result>): Promise<Result> {
  const device = await openDevice(path, { mode: 'exclusive' });
  try {
    return await work(device);
  } finally {
    await device.close();
  }
}

/** The same device with faults. */
class FaultyDevice extends ErrorDevice implements HeldDevice {
  readonly realPath: string;
  readonly deviceNumber: string | undefined;
  readonly dev: bigint;
  readonly ino: bigint;

  constructor(inner: HeldDevice) {
    super(inner);
    this.realPath = inner.realPath;
    this.deviceNumber = inner.deviceNumber;
    this.dev = inner.dev;
    this.ino = inner.ino;
  }
}

const PHASES = phasesOf([[8, 2, 1]], [[0, 1, 2]]);

test('saved, carried out, finished', async () => {
  const image = scratch.image('spare.img', 64 * SECTOR);
  await using(image, async (device) => {
    const { path = '', warning } = await carryOutWithUndo(device, PHASES, options());
    assert.is(path, join(folder(), `${SPARE_UUID}-7-repair.undo`));
    assert.is(warning, undefined);
    assert.equal([statSync(path).mode & 0o777, statSync(folder()).mode & 0o777], [0o600, 0o700]);
    const undo = await opened(path);
    assert.is(undo.state, 'finished');
    assert.is((await compareWithUndo(undo, 'spare', device)).standing, 'after');
    assert.is(undo.description.spare.realPath, image);
    await carryOut(device, await putBackPhases(undo, 'spare'));
    await undo.close();
  });
  assert.equal(readFileSync(image), numbered(64 * SECTOR));
});

test('saved means durable, before the first byte is overwritten and after the last', async () => {
  needs('strace');
  const image = scratch.image('spare.img', 64 * SECTOR);
  const log = scratch.path('strace.log');
  const program = join(import.meta.dirname, 'changer.js');
  const calls = 'trace=pwrite64,fsync,mkdir';
  run('strace', '-f', '-y', '-qq', '-o', log, '-e', calls, process.execPath, program, image, folder());
  const name = (path: string): string =>
    path === image ? 'spare' : path === folder() ? 'folder' : path === scratch.folder ? 'parent' : 'undo';
  const seen: string[] = [];
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const found = /(pwrite64|fsync)\(\d+<([^>]+)>(?:.*, (\d+)(?:\)| <unfinished))?/.exec(line);
    const [, call, path = '', at] = found ?? [];
    if (!path.startsWith(scratch.folder)) continue;
    seen.push(`${call} ${name(path)}${at === undefined ? '' : ` ${at}`}`);
  }
  const order = seen.join(', ');
  const end = String(4096 + 3 * SECTOR);
  assert.is(
    order,
    [
      'fsync parent', // the folder was made
      ...['4096', '4608', end, '0'].map((at) => `pwrite64 undo ${at}`),
      'fsync undo',
      'fsync folder',
      'fsync spare',
      'pwrite64 spare 4096',
      'fsync spare',
      'pwrite64 spare 0',
      'fsync spare',
      'pwrite64 undo 0',
      'fsync undo',
    ].join(', '),
  );
});

test('nothing to overwrite, or not wanted: no file', async () => {
  const image = scratch.image('spare.img', 64 * SECTOR);
  await using(image, async (device) => {
    assert.is((await carryOutWithUndo(device, phasesOf([]), options())).path, undefined);
    const place = { ...options().place, none: true };
    assert.is((await carryOutWithUndo(device, PHASES, options({ place }))).path, undefined);
  });
  assert.throws(() => readdirSync(folder()));
  assert.is(readFileSync(image)[0], 2);
});

test('no undo file, no change', async () => {
  const image = scratch.image('spare.img', 64 * SECTOR);
  writeFileSync(scratch.path('state'), 'in the way');
  await using(image, (device) =>
    fails('undo-unavailable', carryOutWithUndo(device, PHASES, options()), /part of the path|no folder/),
  );
  assert.equal(readFileSync(image), numbered(64 * SECTOR));
});

test('a failure in the midst leaves it unfinished, named in the error, found, and good to go back', async () => {
  const image = scratch.image('spare.img', 64 * SECTOR);
  await using(image, async (inner) => {
    const device = new FaultyDevice(inner);
    device.addFault({ sector: 9, on: 'write' });
    const error = await fails('io', carryOutWithUndo(device, PHASES, options()), /write failed at sector 9/);
    const path = join(folder(), `${SPARE_UUID}-7-repair.undo`);
    assert.is(error.data['undo_file'], path);
    assert.is(error.data['sector'], 9);
    assert.match(error.hint ?? '', path);
    const identity = spareIdentity(device, await identify(inner), SPARE_UUID);
    const [found, ...more] = await listUnfinished(folder(), identity);
    assert.equal([found?.path, more.length], [path, 0]);
    const undo = await opened(path);
    assert.is((await compareWithUndo(undo, 'spare', inner)).standing, 'between');
    await carryOut(inner, await putBackPhases(undo, 'spare'));
    await undo.close();
  });
  assert.equal(readFileSync(image), numbered(64 * SECTOR));
});

test('main is saved as well, and never holds the file', async () => {
  const [spareImage, mainImage] = ['spare.img', 'main.img'].map((name) => scratch.image(name, 64 * SECTOR));
  await using(spareImage ?? '', (spare) =>
    using(mainImage ?? '', async (main) => {
      const onMain = phasesOf([[33, 1, 3]]);
      const target = { device: main, identity: options().identity, phases: onMain };
      const { path = '', result } = await withUndo(
        spare,
        PHASES,
        { ...options(), main: target },
        async () => {
          await carryOut(main, onMain);
          await carryOut(spare, PHASES);
          return 'done';
        },
      );
      assert.is(result, 'done');
      const undo = await opened(path);
      assert.is((await compareWithUndo(undo, 'main', main)).standing, 'after');
      await carryOut(main, await putBackPhases(undo, 'main'));
      await undo.close();
      const place = { file: mainImage };
      const refused = withUndo(spare, PHASES, { ...options({ place }), main: target }, async () => {
        throw new Error('it was begun');
      });
      await fails('undo-unavailable', refused, /the very device/);
    }),
  );
  assert.equal(readFileSync(mainImage ?? ''), numbered(64 * SECTOR));
});

test('the name says uuid, generation and command, or what stands for the uuid', async () => {
  const image = scratch.image('spare.img', 64 * SECTOR);
  const names: string[] = [];
  await using(image, async (device) => {
    for (const changes of [
      { spareUuid: undefined, generation: 0, command: 'create' },
      { spareUuid: undefined, identity: { mainId: 'serial:X', kind: 'disk' as const } },
      { spareUuid: undefined, identity: { mainId: 'serial:Y', kind: 'disk' as const } },
      { command: '../Odd name' },
    ])
      names.push(basename((await carryOutWithUndo(device, PHASES, options(changes))).path ?? ''));
  });
  assert.match(names[0] ?? '', /^plain-[0-9a-f]{8}-0-create\.undo$/);
  assert.match(names[1] ?? '', /^plain-[0-9a-f]{8}-7-repair\.undo$/);
  assert.is.not(names[1], names[2]);
  assert.is(names[3], `${SPARE_UUID}-7--odd-name.undo`);
});

test('the uuid that a change writes is noted, and finds the file', async () => {
  const image = scratch.image('spare.img', 2048 * SECTOR);
  const fresh = buildImage({ layout: 'redundant', sectors: 2048 });
  const phases: Phase[] = [{ purpose: 'create', writes: [{ at: bytes(0), bytes: fresh.subarray(0, 4096) }] }];
  await using(image, async (device) => {
    const known = { spareUuid: undefined, generation: 0, command: 'create' };
    const { path = '' } = await carryOutWithUndo(device, phases, options(known));
    const undo = await opened(path);
    const { spareUuid, newSpareUuid, generation } = undo.description.spare;
    await undo.close();
    assert.equal([spareUuid, newSpareUuid, generation], [undefined, SPARE_UUID, undefined]);
    assert.is(DEFAULTS.spareUuid.toString('hex'), SPARE_UUID.replaceAll('-', ''));
    assert.is(basename(path), `${SPARE_UUID}-0-create.undo`);
    const identity = spareIdentity(device, options().identity, SPARE_UUID);
    for (const wanted of [
      identity,
      { ...identity, spareUuid: undefined },
      { ...identity, realPath: '/moved' },
    ])
      assert.is((await findUndoFiles(folder(), wanted)).length, 1);
    for (const other of [
      { ...identity, spareUuid: OTHER_UUID },
      { ...identity, spareUuid: undefined, realPath: '/other' },
    ])
      assert.equal(await findUndoFiles(folder(), other), []);
  });
});

test('those that fit are found, the newest first, the damaged last', async () => {
  const image = scratch.image('spare.img', 64 * SECTOR);
  await using(image, async (device) => {
    const make = async (changes: Partial<UndoOptions>): Promise<string> =>
      (await carryOutWithUndo(device, PHASES, options(changes))).path ?? '';
    const middle = await make({ now: 200n });
    const newest = await make({ now: 300n, command: 'remap' });
    const oldest = await make({ now: 100n });
    const twin = await make({ now: 200n });
    utimesSync(middle, 1000, 1000);
    utimesSync(twin, 2000, 2000);
    await make({ spareUuid: OTHER_UUID });
    const damaged = await make({ now: 400n });
    writeFileSync(damaged, readFileSync(damaged).subarray(0, 5000));
    writeFileSync(join(folder(), 'stranger.undo'), 'what is this');
    writeFileSync(join(folder(), `${SPARE_UUID}-7-repair.txt`), 'no undo file by its name');
    const identity = spareIdentity(device, options().identity, SPARE_UUID);
    const found = await findUndoFiles(folder(), identity);
    assert.equal(
      found.map(({ path, state }) => [basename(path), state]),
      [
        ...[newest, twin, middle, oldest].map((path) => [basename(path), 'finished']),
        [basename(damaged), 'damaged'],
      ],
    );
    const last = found.at(-1);
    assert.match(last?.state === 'damaged' ? last.reason : '', /cut short: 5000 bytes/);
    assert.equal(await listUnfinished(folder(), identity), []);
  });
  assert.equal(
    await findUndoFiles(scratch.path('nowhere'), { realPath: '/x', size: bytes(0) }),
    [],
    'a folder that is not there holds none',
  );
});

test('a small change of a million entries is a small file', async () => {
  const image = scratch.path('large.img');
  const sectors = 40 * 2048;
  run('truncate', '-s', String(sectors * SECTOR), image);
  const tableBlock = { at: bytes(4096 + 3900 * 4096), bytes: new Uint8Array(4096).fill(1) };
  const backup = { at: bytes(sectors * SECTOR - 8192), bytes: new Uint8Array(4096).fill(1) };
  const header = (at: number) => ({ at: bytes(at), bytes: new Uint8Array(4096).fill(2) });
  const phases: Phase[] = [
    { purpose: 'backup', writes: [backup, header(sectors * SECTOR - 4096)] },
    { purpose: 'primary', writes: [tableBlock, header(0)] },
  ];
  await using(image, async (device) => {
    const { path = '' } = await carryOutWithUndo(device, phases, options());
    const { size } = statSync(path);
    assert.ok(size < 4096 + 4 * 4096 + 2048, `${size} bytes`);
  });
});

test('a failure that is not ours passes as it is', async () => {
  const image = scratch.image('spare.img', 64 * SECTOR);
  await using(image, async (device) => {
    const strange = new TypeError('strange');
    let thrown: unknown;
    try {
      await withUndo(device, PHASES, options(), () => Promise.reject(strange));
    } catch (error) {
      thrown = error;
    }
    assert.is(thrown, strange);
    assert.not.instance(thrown, DmremapError);
  });
});

const cut = () => Promise.reject(new Error('cut short'));

test('a change that was cut short is over once another one has been made', async () => {
  const image = scratch.image('spare.img', 64 * SECTOR);
  await using(image, async (device) => {
    const failing = withUndo(device, PHASES, options(), cut);
    await failing.catch(() => undefined);
    const wanted = spareIdentity(device, options().identity, SPARE_UUID);
    assert.is((await listUnfinished(folder(), wanted)).length, 1);
    const failingAgain = withUndo(device, PHASES, options({ command: 'wipe' }), cut);
    await failingAgain.catch(() => undefined);
    assert.is((await listUnfinished(folder(), wanted)).length, 2, 'one that is not done leaves the other');
    await carryOutWithUndo(device, PHASES, options({ command: 'wipe' }));
    assert.equal(await listUnfinished(folder(), wanted), []);
  });
});

test('an older file that cannot be ended is told', async () => {
  const image = scratch.image('spare.img', 64 * SECTOR);
  await using(image, async (device) => {
    await withUndo(device, PHASES, options(), cut).catch(() => undefined);
    const wanted = spareIdentity(device, options().identity, SPARE_UUID);
    const [older] = await listUnfinished(folder(), wanted);
    const { warning } = await withUndo(device, PHASES, options({ command: 'wipe' }), async () => {
      rmSync(older?.path ?? '');
      mkdirSync(older?.path ?? '');
    });
    assert.match(warning ?? '', /cannot be marked finished: .*older change/);
    assert.ok(warning?.includes(older?.path ?? '?'));
  });
});
