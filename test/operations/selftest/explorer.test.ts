import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Dice } from '../../../src/device/crash/dice.js';
import { type Outcome, outcomesAt } from '../../../src/device/crash/outcomes.js';
import { Recording } from '../../../src/device/crash/recording.js';
import { OverlayDevice } from '../../../src/device/filters/overlay-device.js';
import { RecordingDevice } from '../../../src/device/filters/recording-device.js';
import { MemoryDevice } from '../../../src/device/memory-device.js';
import { explore } from '../../../src/operations/selftest/explore.js';
import type { Work } from '../../../src/operations/selftest/run-once.js';
import { selftest } from '../../../src/operations/selftest.js';
import { carryOut, type Phase } from '../../../src/store/phase.js';
import { bytes } from '../../../src/units.js';
import { buildImage } from '../../support/build-image.js';
import { fixture } from '../../support/fixtures.js';
import { assert, suite } from '../../support/harness.js';
import { readerWitness } from './reader-witness.js';

const test = suite('the explorer of power cuts');

const sector = (value: number) => new Uint8Array(512).fill(value);

/** The first bytes of the first three sectors in every state of every instant. */
async function statesOf(
  work: (device: RecordingDevice) => Promise<void>,
  failing?: number,
): Promise<string[]> {
  const recording = new Recording(failing);
  const device = new RecordingDevice(new OverlayDevice(new MemoryDevice(new Uint8Array(4096))), recording);
  await work(device);
  return recording.end().map((instant) => {
    const show = ([blocks = new Map()]: Outcome) =>
      [0, 1, 2].map((number) => (blocks.get(number) as Uint8Array | undefined)?.[0] ?? 0).join('');
    return [...new Set(Array.from(outcomesAt(instant, 1000, new Dice(1)), show))].sort().join(' ');
  });
}

test('any subset of what was not flushed, each sector with any of its values', async () => {
  const states = await statesOf(async (device) => {
    await device.write(bytes(0), sector(1));
    await device.write(bytes(512), sector(2));
    await device.flush();
    await device.write(bytes(512), sector(3));
    await device.write(bytes(512), sector(4));
    await device.write(bytes(1024), sector(0)); // what lies there
  });
  assert.equal(states, ['000 020 100 120', '120 130 140']);
});

test('after a failed flush a later one proves nothing, until the sector is written again', async () => {
  const work = (again: boolean) => async (device: RecordingDevice) => {
    await device.write(bytes(0), sector(1));
    await device.flush().catch(() => undefined);
    if (again) await device.write(bytes(0), sector(1));
    await device.flush();
  };
  assert.equal((await statesOf(work(false), 0)).at(-1), '000 100');
  assert.equal((await statesOf(work(true), 0)).at(-1), '100');
});

test('a write that is not in whole blocks is refused', async () => {
  const memory = new MemoryDevice(new Uint8Array(8192), { logicalBlockSize: 4096 });
  const device = new RecordingDevice(new OverlayDevice(memory), new Recording());
  let refused = false;
  await device.write(bytes(512), sector(1)).catch(() => {
    refused = true;
  });
  assert.ok(refused);
});

const start = {
  name: 'two entries',
  device: new MemoryDevice(
    buildImage({
      layout: 'redundant',
      sectors: 64,
      maxEntries: 60,
      mainSectors: 1000,
      entries: [
        [7, 20],
        [9, 21],
      ],
    }),
  ),
};
const options = {
  witness: readerWitness,
  dice: new Dice(1),
  mostOfInstant: 100,
  failingFlushes: 0,
  againEvery: 10,
};

/** Writes over the only copies of the metadata, or of an entry's data. */
function overwriting(...places: readonly number[]): Work {
  return async (stage) => {
    for (const place of places) await stage.device.write(bytes(place * 512), sector(9));
    await stage.device.flush();
    await stage.answer();
  };
}

test('work that rewrites both copies at once is found out, although it ends well', async () => {
  const rewriting: Work = async (stage) => {
    const headers = [0, 56].map((place) => ({ at: bytes(place * 512), before: new Uint8Array(512) }));
    for (const { at, before } of headers) await stage.device.read(at, before);
    for (const { at } of headers) await stage.device.write(at, sector(9));
    await stage.device.flush();
    for (const { at, before } of headers) await stage.device.write(at, before);
    await stage.device.flush();
    await stage.answer();
  };
  const { broken } = await explore(start, rewriting, options);
  assert.match(broken ?? '', /with blocks 0, 56 written: afterwards it holds something else/);
});

test('a promise before its flush is found out', async () => {
  const early: Work = async (stage) => {
    await stage.device.write(bytes(20 * 512), sector(9));
    await stage.answer();
  };
  const { broken } = await explore(start, early, options);
  assert.match(broken ?? '', /cut at the end, with nothing .*\n {2}\+ 7 at 20/);
});

test('a failure that tells nothing was changed, at the last flush alone, is found out', async () => {
  const untrue = { copy: undefined, secure: [], tidy: [], stands: 'before' } as const;
  const phases: readonly Phase[] = [
    { purpose: 'change it', writes: [{ at: bytes(20 * 512), bytes: sector(9) }] },
    { purpose: 'the rest', writes: [], ifFails: untrue },
  ];
  const work: Work = async (stage) => {
    await carryOut(stage.device, phases);
    await stage.answer();
  };
  const { failingFlushes: _none, ...everyFlush } = options;
  const { broken, failed } = await explore(start, work, everyFlush);
  assert.match(broken ?? '', /^flush 2 fails, cut at the end, .*\n {2}\+ 7 at 20/);
  assert.is(failed, 3);
});

test('work that keeps its promise is let alone', async () => {
  const { broken, states } = await explore(start, overwriting(20), options);
  assert.equal([broken, states], [undefined, 3]);
});

test('what an image does not allow is refused, and the rest of it tried', async () => {
  const image = join(mkdtempSync(join(tmpdir(), 'dmremap-selftest-')), 'spare.img');
  try {
    writeFileSync(image, fixture('plain-some'));
    const { rows, exitCode } = await selftest({ image, seed: 1, states: 1 });
    const refused = rows.filter((row) => row.refused !== undefined).map(({ operation }) => operation);
    assert.equal(exitCode, 0);
    assert.ok(refused.includes('convert from module to plain'), refused.join(', '));
    assert.ok(refused.includes('correction of what is proven'), refused.join(', '));
    assert.ok(!refused.includes('unremap'), refused.join(', '));
  } finally {
    rmSync(dirname(image), { recursive: true });
  }
});
