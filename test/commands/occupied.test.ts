import { readFileSync } from 'node:fs';
import { healthyImage } from '../obligations/commands.js';
import { patient, Workshop } from '../obligations/workshop.js';
import { buildImage } from '../support/build-image.js';
import { fixture } from '../support/fixtures.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { assertRefused } from './changes.js';

/** What must not be overwritten though no valid copy says what it is, or though a valid copy is not the active one. */

const test = suite('create and wipe over what is left of a set');
const slow = patient(test);
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const create = (spare: string, ...more: string[]) => ['create', spare, '--main-size', '1G', '--yes', ...more];
const wipe = (spare: string, ...more: string[]) => ['wipe', spare, '--yes', ...more];

/** A plain set with one flipped bit in its magic. */
function plainWithoutMagic(entries: readonly (readonly [number, number])[]): Buffer {
  const image = buildImage({ layout: 'plain', sectors: 2048, maxEntries: 255, entries });
  image.writeUInt8(image.readUInt8(3) ^ 4, 3);
  return image;
}

const DAMAGED: readonly (readonly [title: string, image: Buffer, claims: number])[] = [
  ['a plain set with a flipped bit in its magic', plainWithoutMagic([[7, 16]]), 1],
  ['one that claims no entry', plainWithoutMagic([]), 0],
  ['what the kernel module left, without a magic', fixture('module/v3-nomagic.spare'), 2],
  ['what the kernel module left, with a magic', fixture('module/v3-scratch.spare'), 2],
];

for (const [title, image, claims] of DAMAGED) {
  slow(`${title} wants the number that it claims`, async () => {
    const spare = shop.put('spare.img', image);
    for (const line of [create(spare), create(spare, '--force'), wipe(spare)]) {
      const error = await assertRefused(shop, line, 'wrong-device', /claims \d+ remaps/, [spare]);
      assert.is(error['live_entries'], claims);
    }
    const discard = ['--discard-remaps', String(claims)];
    const wiped = await shop.run(wipe(spare, ...discard));
    assert.is(wiped.code, 0, wiped.stderr);
    assert.is((await shop.run(wipe(spare))).code, 8, 'nothing is left to wipe');
    shop.put('spare.img', image);
    const created = await shop.run(create(spare, ...discard));
    assert.is(created.code, 0, created.stderr);
    assert.is(judge(readFileSync(spare)).n, 0);
  });
}

for (const [role, code, says] of [
  [1, 'incomplete', /target of a migration/],
  [2, 'retired', /is retired/],
] as const) {
  slow(`a spare with role ${role} is refused whatever is discarded`, async () => {
    const spare = shop.put('spare.img', healthyImage({ role, peer_uuid: Buffer.alloc(16, 7) }));
    for (const line of [create(spare), wipe(spare)])
      for (const more of [[], ['--discard-remaps', '5']])
        await assertRefused(shop, [...line, ...more], code, says, [spare]);
  });
}
