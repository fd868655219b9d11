import { DmremapError } from '../../src/errors.js';
import { liveStatus } from '../../src/operations/serve/live-status.js';
import { bytes, sectors } from '../../src/units.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { SECTOR, type Stand, stand } from './stand.js';

/** Many sectors moved by hand: their data, what it costs, and what is told where some cannot be moved. */

const test = suite('remap device by hand');

const at = (sector: number) => bytes(sector * SECTOR);

async function failureOf(work: Promise<unknown>): Promise<DmremapError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof DmremapError, 'nothing failed');
  return error;
}

/** The sectors of main that the metadata on the medium names. */
function moved({ spareMedium }: Stand): number[] {
  return (judge(Buffer.from(spareMedium.content)).truth ?? []).map(([main]) => main);
}

const range = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index);

/** A new entry for each of these, on a spare with the data that main has. */
function spread(count: number): { entries: [number, number][]; mainSectors: number } {
  return {
    entries: Array.from({ length: count }, (_, index) => [3 * index, 300 + index]),
    mainSectors: 3 * count,
  };
}

test('a range goes to the spare in one commit', async () => {
  const it = await stand({ mainSectors: 400, spareSectors: 1024, maxEntries: 300 });
  const before = it.mainMedium.content.slice();
  const { generation } = it.set.facts.header;
  await it.set.remap(sectors(20), 200);
  assert.is(it.set.facts.header.generation, generation + 1);
  assert.equal(moved(it), range(20, 200));
  assert.is(it.set.facts.manual_remaps, 200);
  // what is read from now on is not what lies on main
  it.mainMedium.content.fill(0, at(20), at(220));
  const into = new Uint8Array(400 * SECTOR);
  assert.equal(await it.set.device.read(at(0), into), []);
  assert.is(Buffer.compare(into, before), 0);
  await it.set.close();
});

test('what comes before a sector that cannot be moved is moved, and saved', async () => {
  const it = await stand({ entries: [[110, 300]], mainSectors: 256 });
  const already = await failureOf(it.set.remap(sectors(100), 20));
  assert.is(already.message, 'sector 110 is remapped already (10 of 20 were remapped)');
  assert.equal(moved(it), range(100, 11));
  it.main.addFault({ sector: 130, on: 'read' });
  const unreadable = await failureOf(it.set.remap(sectors(120), 20));
  assert.is(unreadable.code, 'io');
  assert.match(unreadable.message, /main: read failed at sector 130 .* \(10 of 20 were remapped\)$/);
  assert.equal(moved(it), [...range(100, 11), ...range(120, 10)]);
  const beyond = await failureOf(it.set.remap(sectors(250), 7));
  assert.is(beyond.code, 'usage');
  await it.set.close();
});

test('a spare that is full, and one that fails, are told apart, and are health 3', async () => {
  const it = await stand({ maxEntries: 5 });
  assert.is(liveStatus(it.set.facts, 0).health, 1);
  it.spare.addFault({ sector: 0, count: 512, on: 'write' });
  const failing = await failureOf(it.set.remap(sectors(9)));
  assert.is(failing.code, 'io');
  assert.match(failing.message, /^spare: write failed at sector \d+ .*: EIO$/);
  assert.is(liveStatus(it.set.facts, 0).health, 3);
  it.spare.clearFaults();
  await it.set.remap(sectors(9));
  assert.is(liveStatus(it.set.facts, 0).health, 1);
  const full = await failureOf(it.set.remap(sectors(20), 10));
  assert.equal([full.code, full.message], ['no-space', 'spare is full (4 of 10 were remapped)']);
  assert.is(liveStatus(it.set.facts, 0).health, 3);
  await it.set.close();
});

test('a write that neither main nor spare takes is health 3 until it is taken', async () => {
  const it = await stand({ entries: [[3, 300]] });
  for (const [sector, main] of [
    [3, false],
    [20, true],
  ] as const) {
    if (main) it.main.addFault({ sector, on: 'write' });
    it.spare.addFault({ sector: 0, count: 512, on: 'write' });
    await it.set.device.write(at(sector), new Uint8Array(SECTOR), false).catch(() => undefined);
    assert.is(liveStatus(it.set.facts, 0).health, 3, `sector ${sector}`);
    it.spare.clearFaults();
    await it.set.device.write(at(sector), new Uint8Array(SECTOR), false);
    await it.set.save();
    assert.is(liveStatus(it.set.facts, 0).health, 1, `sector ${sector}`);
  }
  await it.set.close();
});

test('hundreds go back in a few commits, each with its data', async () => {
  const it = await stand({ ...spread(500), maxEntries: 1000, spareSectors: 1024 });
  const spare = it.spareMedium.content.slice();
  const { generation } = it.set.facts.header;
  await it.set.unremap(sectors(3 * 100));
  assert.equal([...(await it.set.clear())], []);
  const commits = it.set.facts.header.generation - generation;
  assert.ok(commits <= 20, `${commits} commits`);
  assert.equal(moved(it), []);
  for (let index = 0; index < 500; index++)
    assert.equal(
      it.mainMedium.content.subarray(at(3 * index), at(3 * index + 1)),
      spare.subarray(at(300 + index), at(301 + index)),
    );
  await it.set.close();
});

test('sectors that are in use go back once they are free, and writes meanwhile are kept', async () => {
  const it = await stand({ ...spread(300), maxEntries: 1000, spareSectors: 1024 });
  let isOver = false;
  const clearing = it.set.clear().then((stay) => {
    isOver = true;
    return stay;
  });
  const last = new Map<number, number>();
  for (let turn = 0; !isOver; turn++) {
    const writes = range(0, 8).map((index) => (turn * 7 + index * 31) % 900);
    await Promise.all(
      writes.map((sector, index) => {
        last.set(sector, (turn + index) % 251);
        return it.set.device.write(
          at(sector),
          new Uint8Array(SECTOR).fill((turn + index) % 251),
          turn % 3 === 0,
        );
      }),
    );
  }
  assert.equal([...(await clearing)], []);
  assert.equal(moved(it), []);
  await it.set.close();
  for (const [sector, fill] of last)
    assert.ok(
      it.mainMedium.content.subarray(at(sector), at(sector + 1)).every((byte) => byte === fill),
      `sector ${sector}`,
    );
});

test('a sector that main does not keep stays, the others of its group go', async () => {
  const it = await stand({ ...spread(60), maxEntries: 1000 });
  it.main.addFault({ sector: 90, on: 'write' });
  const stay = await it.set.clear();
  assert.equal([...stay.keys()], [90]);
  assert.equal(moved(it), [90]);
  const missing = await failureOf(it.set.unremap(sectors(90), 2));
  assert.match(missing.message, 'main: write failed at sector 90');
  it.main.clearFaults();
  const partly = await failureOf(it.set.unremap(sectors(90), 2));
  assert.is(partly.message, 'sector 91 is not remapped (1 of 2 were unremapped)');
  assert.equal(moved(it), []);
  await it.set.close();
});
