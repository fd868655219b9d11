import { DUMP_FORMATS, type DumpFormat, renderDump } from '../../src/cli/render/dump.js';
import { DmremapError } from '../../src/errors.js';
import { openDump } from '../../src/operations/dump.js';
import { fixture, fixtureNames } from '../support/fixtures.js';
import { assert, suite } from '../support/harness.js';
import { readAll, readTogether } from './readers.js';
import { fingerprint, patient, Workshop } from './workshop.js';

const test = suite('obligations: readers on golden images');
const slow = patient(test);
const shop = new Workshop();
test.after(() => shop.cleanUp());

const TERMINAL = { color: false, unicode: true, width: 80, live: false };

const golden = fixtureNames().map((name) => ({ name, image: fixture(name) }));
const PARTS = 4;
for (let part = 0; part < PARTS; part++) {
  const names = golden.filter((_, index) => index % PARTS === part);
  slow(`golden images, part ${part + 1} of ${PARTS}`, async () => {
    for (const [turn, subject] of names.entries()) await readAll(shop, subject, part + PARTS * turn, false);
  });
}

slow('golden images together', () => readTogether(shop, golden));

slow('every dump of every golden image', async () => {
  for (const { name, image } of golden) {
    const path = shop.put('dumped.img', image);
    const before = fingerprint(path);
    // without a remap a list of bad blocks is empty
    for (const copy of [undefined, 'primary', 'backup'] as const)
      for (const format of DUMP_FORMATS)
        assert.ok(
          (await dumpedBytes(path, copy, format)) > 0 || format === 'badblocks',
          `${name}: ${format}`,
        );
    assert.is(fingerprint(path), before, name);
  }
});

const NO_SPARE = ['not-dmremap3', 'too-small', 'unsupported'];

/** How much a dump prints; one for the refusal of what was never a spare. */
async function dumpedBytes(
  path: string,
  copy: 'primary' | 'backup' | undefined,
  format: DumpFormat,
): Promise<number> {
  let bytes = 0;
  try {
    const open = await openDump(path, copy);
    for await (const piece of renderDump(format, open, TERMINAL)) bytes += piece.length;
    await open.close();
  } catch (error) {
    assert.ok(error instanceof DmremapError && NO_SPARE.includes(error.code), String(error));
    return 1;
  }
  return bytes;
}
