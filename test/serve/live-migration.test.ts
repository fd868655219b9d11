import { setTimeout as delay } from 'node:timers/promises';
import type { BlockDevice } from '../../src/device/block-device.js';
import { Dice } from '../../src/device/crash/dice.js';
import { FilterDevice } from '../../src/device/filters/filter-device.js';
import { DmremapError } from '../../src/errors.js';
import { RemapSet } from '../../src/serve/remap-set.js';
import { type Bytes, sectors } from '../../src/units.js';
import { DEFAULTS, patchSealed } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { at, data, ENTRIES, ended, headerOf, MAIN_SECTORS, moving, TARGET, towards } from './moving.js';
import { activeOf } from './section-8.js';
import { remapped, SECTOR, settings } from './stand.js';

/** A set in use that moves to another spare while clients go on. */

const test = suite('live migration');

test('the set is on the new spare afterwards, and goes on there', async () => {
  const it = await moving();
  const before = remapped(it);
  await it.set.migrate(towards(it.target));
  assert.is(await ended(it.set), 'done');
  const [from, to] = [headerOf(it.spareMedium), headerOf(it.targetMedium)];
  assert.equal([from.role, from.state, to.role, to.state], [2, 0, 0, 1]);
  assert.ok(from.peer.equals(TARGET) && to.peer.equals(DEFAULTS.spareUuid));
  assert.ok(to.generation > from.generation);
  const after = { ...it, spareMedium: it.targetMedium };
  assert.is(Buffer.compare(remapped(after), before), 0);
  const retired = it.spareMedium.content.slice();
  it.main.addFault({ sector: 50, on: 'write' });
  await it.set.device.write(at(50), data(7), true);
  await it.set.device.write(at(0), data(8), true);
  await it.set.unremap(sectors(3));
  assert.equal([it.set.facts.remapped, it.set.facts.unsaved], [22, 0]);
  await it.set.close();
  assert.is(Buffer.compare(retired, it.spareMedium.content), 0, 'nothing is written to the retired one');
  const end = remapped(after);
  assert.equal([end[50 * SECTOR], end[0]], [7, 8]);
  assert.is(headerOf(it.targetMedium).state, 0);
});

test('while clients write, make remaps and drop them, both spares stay equal', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const it = await moving({ seed });
    const dice = new Dice(1000 + seed);
    for (let count = 0; count < 12; count++) it.main.addFault({ sector: 110 + dice.below(80), on: 'write' });
    const shadow = remapped(it);
    const used = new Set<number>();
    let isOver = false;
    const client = async (id: number): Promise<void> => {
      for (let write = 1; !isOver; write++) {
        const count = 1 + dice.below(6);
        const first = dice.below(MAIN_SECTORS - count);
        const mine = Array.from({ length: count }, (_, index) => first + index);
        if (mine.some((sector) => used.has(sector))) {
          await delay(0);
          continue;
        }
        for (const sector of mine) used.add(sector);
        const place = it.set.lookup(sectors(first)).spare;
        // its place takes no more writes: it gets another one while all is copied
        if (seed % 2 === 1 && place !== undefined && dice.below(20) === 0)
          it.spare.addFault({ sector: place, on: 'write' });
        if (dice.below(8) === 0) {
          const action = it.set.lookup(sectors(first)).spare === undefined ? 'remap' : 'unremap';
          await it.set[action](sectors(first)).catch((error: unknown) => {
            if (!(error instanceof DmremapError)) throw error;
          });
        } else {
          const fresh = data((id * 97 + write) % 251, count);
          await it.set.device.write(at(first), fresh, dice.below(9) === 0);
          shadow.set(fresh, first * SECTOR);
        }
        const seen = new Uint8Array(count * SECTOR);
        assert.equal(await it.set.device.read(at(first), seen), []);
        assert.is(Buffer.compare(seen, shadow.subarray(first * SECTOR, (first + count) * SECTOR)), 0);
        for (const sector of mine) used.delete(sector);
      }
    };
    const clients = Array.from({ length: 6 }, (_, id) => client(id));
    await it.set.migrate(towards(it.target));
    const how = await ended(it.set);
    await delay(5);
    isOver = true;
    await Promise.all(clients);
    assert.is(how, 'done', String(it.set.facts.migration?.failure));
    await it.set.close();
    assert.is(Buffer.compare(remapped({ ...it, spareMedium: it.targetMedium }), shadow), 0, `seed ${seed}`);
    assert.equal([headerOf(it.spareMedium).role, headerOf(it.targetMedium).role], [2, 0]);
  }
});

test('what is dropped while the target is made is dropped there, too', async () => {
  // as the set had them when that began
  const it = await moving({ targetEntries: ENTRIES.map(([main], index) => [main, 20 + index]) });
  const before = remapped(it);
  await it.set.migrate({
    ...towards(it.target),
    prepare: async () => {
      await it.set.unremap(sectors(3));
      return it.target;
    },
  });
  assert.is(await ended(it.set), 'done', String(it.set.facts.migration?.failure));
  assert.is(it.set.lookup(sectors(3)).spare, undefined);
  await it.set.close();
  const { truth } = judge(Buffer.from(it.targetMedium.content));
  assert.is(truth?.length, ENTRIES.length - 1);
  assert.is(Buffer.compare(remapped({ ...it, spareMedium: it.targetMedium }), before), 0);
});

test('a plain set gets an identity first', async () => {
  const it = await moving({ layout: 'plain' });
  const before = remapped(it);
  const header = () => it.set.facts.header;
  await it.set.migrate({
    ...towards(it.target),
    prepare: async ({ header: source }) => {
      assert.equal([source.ro_compat_flags, source.data_start], [0, 16n]);
      patchSealed(
        it.targetImage,
        'both',
        'peer_uuid',
        Buffer.from(source.spare_uuid.replaceAll('-', ''), 'hex'),
      );
      patchSealed(
        it.targetImage,
        'both',
        'set_uuid',
        Buffer.from(source.set_uuid.replaceAll('-', ''), 'hex'),
      );
      return it.target;
    },
  });
  assert.is(await ended(it.set), 'done', String(it.set.facts.migration?.failure));
  assert.is(header().spare_uuid.replaceAll('-', ''), TARGET.toString('hex'));
  await it.set.close();
  const [from, to] = [it.spareMedium, it.targetMedium].map(({ content }) => Buffer.from(content));
  assert.is(activeOf(from as Buffer, to as Buffer), 'to');
  assert.is(Buffer.compare(remapped({ ...it, spareMedium: it.targetMedium }), before), 0);
});

test('a main that hangs delays neither the switch nor others', async () => {
  const it = await moving();
  await it.set.close();
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  class Hanging extends FilterDevice {
    override async read(place: Bytes, into: Uint8Array): Promise<void> {
      if (place === 120 * SECTOR) await held;
      await super.read(place, into);
    }
  }
  const set = await RemapSet.open(new Hanging(it.main), it.spare, settings());
  // a remapped sector is held along with the hanging one
  const hanging = set.device.read(at(120), new Uint8Array(2 * SECTOR));
  const around = set.device.read(at(100), new Uint8Array(21 * SECTOR));
  await set.migrate(towards(it.target));
  assert.is(await ended(set), 'done');
  await set.device.write(at(0), data(4), true);
  letGo();
  assert.equal([await hanging, await around], [[], []]);
  await set.close();
  assert.is(remapped({ ...it, spareMedium: it.targetMedium })[0], 4);
});

/** While all is compared: a client writes when the target is first asked what it holds, which waits for that. */
async function writtenWhileCompared(Target: new (device: BlockDevice) => FilterDevice) {
  const it = await moving();
  let write = (): void => {};
  const written = new Promise<void>((resolve) => {
    write = () => void it.set.device.write(at(0), data(0x5a), true).then(resolve);
  });
  class Asked extends FilterDevice {
    override async readPastCache(place: Bytes, into: Uint8Array): Promise<boolean> {
      if (it.set.facts.migration?.phase === 'comparing') {
        write();
        await written;
      }
      return super.readPastCache(place, into);
    }
  }
  await it.set.migrate(towards(new Asked(new Target(it.target))));
  return { ...it, how: await ended(it.set) };
}

test('clients go on while all is compared', async () => {
  const it = await writtenWhileCompared(FilterDevice);
  assert.is(it.how, 'done', String(it.set.facts.migration?.failure));
  await it.set.close();
  assert.is(remapped({ ...it, spareMedium: it.targetMedium })[0], 0x5a);
});

test('what they write meanwhile is compared, too', async () => {
  class Deaf extends FilterDevice {
    override async write(place: Bytes, from: Uint8Array): Promise<void> {
      if (!from.every((byte) => byte === 0x5a)) await super.write(place, from);
    }
  }
  const it = await writtenWhileCompared(Deaf);
  assert.is(it.how, 'failed');
  assert.match(String(it.set.facts.migration?.failure), /does not hold what was written/);
  await it.set.close();
  assert.equal([headerOf(it.spareMedium).role, remapped(it)[0]], [0, 0x5a]);
});
