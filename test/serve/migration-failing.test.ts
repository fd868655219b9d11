import { setTimeout as delay } from 'node:timers/promises';
import type { BlockDevice } from '../../src/device/block-device.js';
import { FilterDevice } from '../../src/device/filters/filter-device.js';
import { DeviceError } from '../../src/errors.js';
import { RemapSet } from '../../src/serve/remap-set.js';
import { type Bytes, sectors } from '../../src/units.js';
import { fails } from '../device/scratch.js';
import { u32 } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { at, data, ended, headerOf, type Moving, moving, towards } from './moving.js';
import { activeOf } from './section-8.js';
import { remapped, SECTOR, settings } from './stand.js';

/** A live migration that fails: the old spare stays in use, and clients notice nothing. */

const test = suite('live migration that fails');

/** Nothing has happened, as far as clients and the spare in use can tell. */
async function stays(it: Moving, how: string, why: RegExp): Promise<void> {
  assert.is(await ended(it.set), how);
  assert.match(String(it.set.facts.migration?.failure), why);
  it.main.addFault({ sector: 50, on: 'write' });
  await it.set.device.write(at(50), data(7), true);
  await it.set.device.write(at(0), data(8), true);
  const seen = new Uint8Array(SECTOR);
  assert.equal(await it.set.device.read(at(50), seen), []);
  assert.is(seen[0], 7);
  await it.set.close();
  assert.equal([headerOf(it.spareMedium).role, headerOf(it.spareMedium).state], [0, 0]);
  assert.is(headerOf(it.targetMedium).role, 1);
  const found = remapped(it);
  assert.equal([found[50 * SECTOR], found[0]], [7, 8]);
}

test('a target that takes no write ends the migration and nothing else', async () => {
  const it = await moving();
  it.target.addFault({ sector: 30, count: 500, on: 'write' });
  await it.set.migrate(towards(it.target));
  await stays(it, 'failed', /target/);
});

test('one that cannot be flushed is refused, or ends it', async () => {
  const it = await moving();
  it.target.failFlushes();
  const refused: unknown = await it.set.migrate(towards(it.target)).catch((error) => error);
  assert.ok(refused instanceof DeviceError);
  it.target.clearFaults();
  await it.set.migrate(towards(it.target));
  it.target.failFlushes();
  await stays(it, 'failed', /target/);
});

test('a target that hangs ends it within seconds, and nobody waits longer', async () => {
  const it = await moving();
  class Silent extends FilterDevice {
    isSilent = false;
    override write(place: Bytes, from: Uint8Array): Promise<void> {
      return this.isSilent ? new Promise(() => {}) : super.write(place, from);
    }
  }
  const silent = new Silent(it.target);
  await it.set.migrate(towards(silent));
  silent.isSilent = true;
  const began = performance.now();
  await Promise.all(
    [0, 3, 6, 9, 100, 120].map((sector) => it.set.device.write(at(sector), data(sector), true)),
  );
  assert.ok(performance.now() - began < 8000);
  assert.ok(await it.set.device.read(at(0), data(0)));
  await stays(it, 'failed', /does not answer/);
  assert.ok(performance.now() - began < 12_000);
});

test('a target that forgets what was written is found out', async () => {
  const it = await moving();
  class Forgetful extends FilterDevice {
    override async flush(): Promise<void> {
      await super.flush();
      it.targetMedium.content.fill(0xee, 20 * SECTOR, 21 * SECTOR);
    }
  }
  await it.set.migrate(towards(new Forgetful(it.target)));
  await stays(it, 'failed', /does not hold what was written/);
});

test('a place of the old spare that fails while it is written and compared gives way to another one', async () => {
  const [main, place] = [9, 303];
  const it = await moving();
  let writes = (): void => {};
  const isWriting = new Promise<void>((resolve) => {
    writes = resolve;
  });
  const [read, write] = [it.spare.read.bind(it.spare), it.spare.write.bind(it.spare)];
  let written: Promise<void> | undefined;
  it.spare.read = async (where, into) => {
    const isPlace = where <= place * SECTOR && where + into.length > place * SECTOR;
    if (isPlace && it.set.facts.migration?.phase === 'comparing') {
      // what is to be compared is changed just now
      written ??= it.set.device.write(at(main), data(7), false);
      await isWriting;
    }
    return read(where, into);
  };
  it.spare.write = async (where, from) => {
    if (where === place * SECTOR) {
      it.spare.addFault({ sector: place });
      writes();
      // whoever compares it asks for it several times before he waits for this write to end
      await delay(300);
    }
    return write(where, from);
  };
  await it.set.migrate(towards(it.target));
  assert.is(await ended(it.set), 'done', String(it.set.facts.migration?.failure));
  await written;
  await it.set.close();
  assert.is(remapped({ ...it, spareMedium: it.targetMedium })[main * SECTOR], 7);
});

test('it can be cancelled, and begun again', async () => {
  const it = await moving();
  await it.set.migrate(towards(it.target));
  await fails('busy', it.set.migrate(towards(it.target)), /under way/);
  await it.set.cancelMigration();
  assert.is(it.set.facts.migration?.phase, 'cancelled');
  await fails('usage', it.set.cancelMigration(), /no migration/);
  const again = await moving();
  await it.set.migrate(towards(again.target));
  assert.is(await ended(it.set), 'done');
  await it.set.close();
});

test('a server that stops ends it', async () => {
  const it = await moving();
  await it.set.migrate(towards(it.target));
  await it.set.close();
  assert.equal([headerOf(it.spareMedium).role, headerOf(it.spareMedium).state], [0, 0]);
});

test('sectors that the spare does not give back are told, and what memory has of them is saved', async () => {
  const it = await moving();
  const [lost, kept] = [
    [9, 303],
    [12, 304],
  ] as const;
  await it.set.device.write(at(kept[0]), data(9), false);
  it.spare.addFault({ sector: lost[1], on: 'read' });
  it.spare.addFault({ sector: kept[1], on: 'read' });
  await it.set.migrate(towards(it.target));
  assert.is(await ended(it.set), 'failed');
  assert.match(
    String(it.set.facts.migration?.failure),
    new RegExp(`1 of 22 sectors, of which 1 would be lost: ${lost[0]};`),
  );
  const onTarget = remapped({ ...it, spareMedium: it.targetMedium });
  assert.is(onTarget[kept[0] * SECTOR], 9);
  await it.set.close();
  assert.is(headerOf(it.spareMedium).role, 0);
});

test('what main still has is written again to the spare, where that takes it', async () => {
  for (const isTaken of [true, false]) {
    const it = await moving();
    for (const sector of [220, 221]) await it.set.remap(sectors(sector));
    const places = [220, 221].map((sector) => it.set.lookup(sectors(sector)).spare ?? 0);
    // main has not got the newest of this one
    await it.set.device.write(at(221), data(9), true);
    const before = remapped(it);
    for (const [index, place] of places.entries())
      it.spare.addFault({ sector: place, on: 'read', times: isTaken && index === 0 ? 6 : 10_000 });
    if (!isTaken) it.spare.addFault({ sector: places[0] ?? 0, on: 'write' });
    await it.set.migrate(towards(it.target));
    assert.is(await ended(it.set), 'failed');
    const told = isTaken
      ? /1 of 24 sectors, of which 1 would be lost: 221;/
      : /2 of 24 sectors, of which 1 would be lost: 221;/;
    assert.match(String(it.set.facts.migration?.failure), told);
    const [kept, end] = [220 * SECTOR, 221 * SECTOR];
    const onTarget = remapped({ ...it, spareMedium: it.targetMedium });
    assert.is(Buffer.compare(onTarget.subarray(kept, end), before.subarray(kept, end)), 0);
    it.spare.clearFaults();
    await it.set.close();
    assert.is(Buffer.compare(remapped(it), before), 0);
  }
});

test('of a spare that is dead all is told to be lost but what memory has', async () => {
  const it = await moving();
  await it.set.device.write(at(12), data(9), false);
  it.spare.addFault({ sector: 0, count: 512, errno: 'ENXIO' });
  it.spare.failFlushes();
  await it.set.migrate(towards(it.target));
  assert.is(await ended(it.set), 'failed');
  assert.match(String(it.set.facts.migration?.failure), /21 of 22 sectors, of which 21 would be lost/);
  assert.is(remapped({ ...it, spareMedium: it.targetMedium })[12 * SECTOR], 9);
  await fails('io', it.set.close());
});

/** A spare that refuses so many writes from the word on that it is retired, or once it has taken so many headers more. */
class Stubborn extends FilterDevice {
  refusals = 0;
  takes = 0;
  readonly seen: number[] = [];

  override async write(place: Bytes, from: Uint8Array): Promise<void> {
    const isHeader = Buffer.from(from).subarray(0, 8).toString() === 'DMREMAP3';
    if (isHeader) this.seen.push(u32(Buffer.from(from), 'role'));
    if (this.refusals > 0 && this.seen.includes(2) && this.seen.length - this.seen.indexOf(2) > this.takes) {
      this.refusals--;
      throw new DeviceError(this.name, 'write', 'EIO', Math.floor(place / SECTOR));
    }
    await super.write(place, from);
  }
}

async function stubborn(refusals: number, takes = 0) {
  const it = await moving();
  await it.set.close();
  const from = new Stubborn(it.spare);
  const set = await RemapSet.open(it.main, from, settings());
  Object.assign(from, { refusals, takes });
  return { ...it, set, from };
}

test('a spare that cannot be retired stays in use, once all its copies say so', async () => {
  for (const refusals of [1, 2, 3, 5]) {
    const it = await stubborn(refusals);
    await it.set.migrate(towards(it.target));
    assert.is(await ended(it.set), 'failed');
    assert.ok(it.from.seen.includes(2), 'it came to that');
    await stays(it, 'failed', /EIO/);
    assert.is(judge(Buffer.from(it.spareMedium.content)).n, 0);
  }
});

test('while no spare can be made sure of nobody is answered, until the server is stopped', async () => {
  const it = await stubborn(1000);
  await it.set.migrate(towards(it.target));
  while (it.set.facts.migration?.phase !== 'held') await delay(1);
  let answers = 0;
  const seen = data(0);
  assert.not(it.set.device.tryRead(at(0), seen));
  assert.not(it.set.device.tryWrite(at(250), seen));
  const asked = [
    it.set.device.read(at(250), seen),
    it.set.device.read(at(0), data(0)),
    it.set.device.write(at(250), seen, false),
    it.set.device.write(at(0), seen, false),
    it.set.device.flush(),
    it.set.device.allocation(at(0), SECTOR),
  ];
  for (const one of asked)
    void one.then(
      () => answers++,
      () => answers++,
    );
  await delay(50);
  assert.is(answers, 0);
  await fails('io', it.set.close(), /neither be retired nor taken back/);
  assert.is(answers, 0);
  const [from, to] = [it.spareMedium, it.targetMedium].map(({ content }) => Buffer.from(content));
  assert.ok(activeOf(from as Buffer, to as Buffer) !== undefined);
});

test('where it can be taken back at last, all are answered', async () => {
  // one of its copies says already that it is retired, or none
  for (const takes of [0, 1]) {
    const it = await stubborn(6, takes);
    await it.set.migrate(towards(it.target));
    await takenBackAtLast(it);
  }
});

async function takenBackAtLast(it: Moving): Promise<void> {
  while (it.set.facts.migration?.phase !== 'held') await delay(1);
  await it.set.device.write(at(0), data(5), true);
  assert.is(await ended(it.set), 'failed');
  await it.set.close();
  assert.equal([headerOf(it.spareMedium).role, remapped(it)[0]], [0, 5]);
  const [from, to] = [it.spareMedium, it.targetMedium].map(({ content }) => Buffer.from(content));
  assert.is(activeOf(from as Buffer, to as Buffer), 'from');
  assert.is(judge(from as Buffer).n, 0);
}

/** A target that does not take the word that it is active. */
class Modest extends FilterDevice {
  refused = 0;

  constructor(
    device: BlockDevice,
    readonly isWrittenThough: boolean,
  ) {
    super(device);
  }

  override async write(place: Bytes, from: Uint8Array): Promise<void> {
    const bytes = Buffer.from(from);
    const isHeader = bytes.subarray(0, 8).toString() === 'DMREMAP3';
    if (!isHeader || u32(bytes, 'role') !== 0) return super.write(place, from);
    this.refused++;
    if (this.isWrittenThough) await super.write(place, from);
    throw new DeviceError(this.name, 'write', 'EIO', Math.floor(place / SECTOR));
  }
}

test('where the target does not become active, the old spare is in use again, and newer', async () => {
  for (const isWrittenThough of [false, true]) {
    const it = await moving();
    const modest = new Modest(it.target, isWrittenThough);
    await it.set.migrate(towards(modest));
    assert.is(await ended(it.set), 'failed');
    assert.match(String(it.set.facts.migration?.failure), /target/);
    assert.ok(modest.refused > 0, 'it came to that');
    await it.set.device.write(at(0), data(8), true);
    await it.set.close();
    const [from, to] = [it.spareMedium, it.targetMedium].map(({ content }) => Buffer.from(content));
    assert.is(activeOf(from as Buffer, to as Buffer), 'from');
    assert.equal([headerOf(it.spareMedium).role, headerOf(it.spareMedium).state], [0, 0]);
    assert.is(judge(from as Buffer).n, 0);
    assert.is(remapped(it)[0], 8);
  }
});

test('also where the old spare does not take that at once, although both of its copies say that it is retired', async () => {
  for (const isWrittenThough of [false, true]) {
    const it = await stubborn(6, 2);
    // the target is refused first
    await it.set.migrate(towards(new Modest(it.target, isWrittenThough)));
    await takenBackAtLast(it);
    assert.ok(it.from.seen.filter((role) => role === 2).length >= 2, 'both copies were retired');
  }
});
