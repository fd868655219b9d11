import { readFileSync, symlinkSync } from 'node:fs';
import { healthyImage } from '../obligations/commands.js';
import { type Document, documentOf } from '../obligations/schemas.js';
import { patient, Workshop } from '../obligations/workshop.js';
import { buildImage, type Fields } from '../support/build-image.js';
import { FIELDS, redundantGeometry, SECTOR, u64 } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { assertRefused } from './changes.js';

/** What create writes, byte for byte; what it refuses besides the content of others. */

const test = suite('dmremap create');
const slow = patient(test);
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const MiB = 1 << 20;

/** Runs create and compares the whole device with what the independent builder makes of the same facts. */
async function assertCreated(
  spare: string,
  flags: readonly string[],
  expected: { layout: 'redundant' | 'plain'; maxEntries?: number; mainSectors: number; fields?: Fields },
): Promise<Document> {
  const document = documentOf(await shop.run(['create', spare, ...flags, '--yes', '--json']), 'create');
  const image = readFileSync(spare);
  const { layout, maxEntries = 1000, mainSectors } = expected;
  const now = u64(image, 'creation_time');
  assert.ok(Math.abs(Number(now) - Date.now() / 1000) < 60, 'creation_time is now');
  const uuids: Fields =
    layout === 'plain'
      ? {}
      : { set_uuid: uuidBytes(document['set_uuid']), spare_uuid: uuidBytes(document['spare_uuid']) };
  const built = buildImage({
    layout,
    sectors: image.length / SECTOR,
    maxEntries,
    mainSectors,
    fields: { creation_time: now, last_update_time: now, ...uuids, ...expected.fields },
  });
  assert.equal(image, built, `create ${flags.join(' ')}`);
  assert.equal(judge(image, { mainSectors }).n, 0);
  assert.equal(
    [document['layout'], document['max_entries'], document['main_device_size']],
    [layout, maxEntries, mainSectors],
  );
  return document;
}

/** The bytes of a UUID of version 4 in RFC 9562 order. */
function uuidBytes(text: unknown): Buffer {
  assert.match(String(text), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  return Buffer.from(String(text).replaceAll('-', ''), 'hex');
}

slow('both layouts, for a main that is here and for one that is not', async () => {
  const main = shop.sparse('main.img', 3 * MiB);
  const mainSectors = (3 * MiB) / SECTOR;
  const first = shop.sparse('first.img', MiB);
  await assertCreated(first, ['--main', main], { layout: 'redundant', mainSectors });
  const second = shop.sparse('second.img', MiB);
  await assertCreated(second, ['--main-size', '8s'], { layout: 'redundant', mainSectors: 8 });
  const third = shop.sparse('third.img', MiB);
  const plain = await assertCreated(third, ['--main-size', '1G', '--layout', 'plain'], {
    layout: 'plain',
    mainSectors: 2 ** 21,
  });
  assert.equal([plain['set_uuid'], plain['spare_uuid']], [null, null], 'the plain layout has no identity');
  assert.not.equal(readFileSync(first).subarray(192, 224), readFileSync(second).subarray(192, 224));
});

slow('sizes that are no multiple of 4096, and every size of a main', async () => {
  for (const [size, text, mainSectors] of [
    [MiB + 512, '4096', 8],
    [MiB + 3584, '2T', 2 ** 32],
    [2 * MiB, '7P', 7 * 2 ** 41],
    [MiB, '512', 1],
  ] as const) {
    const spare = shop.sparse(`spare-${size}-${text}.img`, size);
    await assertCreated(spare, ['--main-size', text], { layout: 'redundant', mainSectors });
  }
  const spare = shop.sparse('odd.img', MiB);
  for (const text of ['0', '100', '513', 'x', '-1', '1.5G', '9999999P'])
    await assertRefused(shop, ['create', spare, '--main-size', text, '--yes'], 'usage', /main-size|main/, [
      spare,
    ]);
});

slow('the smallest device for a capacity, and one that is a block smaller', async () => {
  for (const [layout, copies] of [
    ['redundant', 2],
    ['plain', 1],
  ] as const) {
    for (const entries of [1, 256, 257, 5000]) {
      // metadata, and one data sector (the least that can be called a spare)
      const metadata = copies * redundantGeometry(0, entries).dataStart * SECTOR;
      const flags = ['--main-size', '1G', '--entries', String(entries), '--layout', layout];
      const most = { layout, maxEntries: entries, mainSectors: 2 ** 21 };
      await assertCreated(shop.sparse('fits.img', metadata + 4096), flags, most);
      const spare = shop.sparse('small.img', metadata);
      const error = await assertRefused(
        shop,
        ['create', spare, ...flags, '--yes'],
        'too-small',
        /no data sectors/,
        [spare],
      );
      const fits = error['entries_that_fit'];
      if (fits === undefined) continue;
      const again = ['--main-size', '1G', '--entries', String(fits), '--layout', layout];
      await assertCreated(spare, again, { ...most, maxEntries: Number(fits) });
    }
  }
});

slow('capacities that no table has', async () => {
  const spare = shop.sparse('spare.img', MiB);
  for (const entries of ['0', '-1', '33554176', '1e3', 'many', '1.5']) {
    const line = ['create', spare, '--main-size', '1G', '--entries', entries, '--yes'];
    await assertRefused(shop, line, 'usage', /entries/, [spare]);
  }
  const line = ['create', spare, '--main-size', '1G', '--entries', '33554175', '--yes'];
  await assertRefused(shop, line, 'too-small', /no data sectors/, [spare]);
  const both = ['create', spare, '--main-size', '1G', '--main', spare, '--yes'];
  await assertRefused(shop, both, 'usage', /exclude/, [spare]);
});

slow('over live remaps only with their exact number', async () => {
  const spare = shop.put('spare.img', healthyImage());
  const line = ['create', spare, '--main-size', '1G', '--yes'];
  const error = await assertRefused(shop, line, 'wrong-device', /5 live remaps/, [spare]);
  assert.is(error['live_entries'], 5);
  for (const more of [
    ['--force'],
    ['--discard-remaps', '4'],
    ['--discard-remaps', '6'],
    ['--discard-remaps', '0'],
  ])
    await assertRefused(shop, [...line, ...more], 'wrong-device', /--discard-remaps 5/, [spare]);
  // the same of a set that has one copy left, and of one that has none but its claims
  for (const [name, image, says] of [
    ['lame', healthyImage().fill(0, 0, 4096), /5 live remaps/],
    ['broken', flipped(healthyImage()), /claims 5 remaps/],
  ] as const)
    await assertRefused(shop, line, 'wrong-device', says, [shop.put('spare.img', image)]).catch((error) => {
      throw new Error(`${name}: ${error}`);
    });
  shop.put('spare.img', healthyImage());
  const ended = await shop.run([...line, '--discard-remaps', '5']);
  assert.is(ended.code, 0, ended.stderr);
  const image = readFileSync(spare);
  assert.equal([judge(image).n, judge(image).truth], [0, []]);
});

/** Neither copy verifies, yet both claim five entries. */
function flipped(image: Buffer): Buffer {
  for (const place of [0, image.length - 4096]) {
    const [at] = FIELDS.creation_time;
    image.writeUInt8(image.readUInt8(place + at) ^ 1, place + at);
  }
  return image;
}

slow('over an old set that lay elsewhere: none of its copies is found again', async () => {
  // the device has grown since, so that its backup is not where the new one will be
  const spare = shop.put('spare.img', Buffer.concat([healthyImage(), Buffer.alloc(MiB)]));
  const ended = await shop.run(['create', spare, '--main-size', '1G', '--discard-remaps', '5', '--yes']);
  assert.is(ended.code, 0, ended.stderr);
  const image = readFileSync(spare);
  assert.is(judge(image).n, 0);
  const magics = Array.from({ length: image.length / SECTOR }, (_, sector) => sector).filter((sector) =>
    image
      .subarray(sector * SECTOR)
      .subarray(0, 8)
      .equals(Buffer.from('DMREMAP3')),
  );
  assert.equal(magics, [0, image.length / SECTOR - 8]);
});

slow('main itself is no spare, by whatever name', async () => {
  const main = shop.sparse('main.img', MiB);
  symlinkSync(main, shop.path('link.img'));
  for (const [spare, named] of [
    [main, main],
    [shop.path('link.img'), main],
    [main, shop.path('link.img')],
    [main, `${shop.folder}/../${shop.folder.split('/').at(-1)}/main.img`],
  ] as const)
    await assertRefused(
      shop,
      ['create', spare, '--main', named, '--yes'],
      'wrong-device',
      /spare .* is main/,
      [main],
    );
});

slow('nor is a loop device over main, or main inside or around the spare', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const main = shop.sparse('main.img', 4 * MiB);
  const whole = shop.loop(main);
  await assertRefused(shop, ['create', whole, '--main', main, '--yes'], 'wrong-device', /(is|inside) main/, [
    main,
  ]);
  await assertRefused(shop, ['create', main, '--main', whole, '--yes'], 'busy', /attached to/, [main]);
  const other = shop.sparse('other.img', 4 * MiB);
  const part = shop.loop(other, '--offset', String(MiB), '--sizelimit', String(MiB));
  await assertRefused(shop, ['create', part, '--main', other, '--yes'], 'wrong-device', /lies inside main/, [
    other,
  ]);
  const third = shop.sparse('third.img', 4 * MiB);
  const disk = shop.loop(third);
  const slice = shop.loop(third, '--offset', String(MiB), '--sizelimit', String(MiB));
  await assertRefused(
    shop,
    ['create', disk, '--main', slice, '--yes'],
    'wrong-device',
    /(is|contains) main/,
    [third],
  );
});

slow('on disks of 4096-byte blocks', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const spare = shop.loop(shop.sparse('spare.img', MiB), '-b', '4096');
  const main = shop.loop(shop.sparse('main.img', 2 * MiB), '-b', '4096');
  await assertCreated(spare, ['--main', main], { layout: 'redundant', mainSectors: (2 * MiB) / SECTOR });
  const again = await shop.run(['check', spare, '--main', main]);
  assert.is(again.code, 0, again.stdout);
});

slow('bad mains', async () => {
  const spare = shop.sparse('spare.img', MiB);
  for (const [main, code, says] of [
    [shop.path('missing'), 'no-such-device', /no such file/],
    [shop.folder, 'usage', /directory/],
    ['/dev/null', 'not-a-device', /character device/],
    [shop.sparse('tiny.img', 100), 'too-small', /100 bytes/],
    ['', 'usage', /empty/],
  ] as const)
    await assertRefused(shop, ['create', spare, '--main', main, '--yes'], code, says, [spare]);
});
