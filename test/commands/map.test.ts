import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { healthyImage, MAIN_SECTORS } from '../obligations/commands.js';
import { documentOf } from '../obligations/schemas.js';
import { fingerprint, Workshop } from '../obligations/workshop.js';
import { fixture } from '../support/fixtures.js';
import { assert, needs, suite } from '../support/harness.js';
import { assertRefused } from './changes.js';

/** The picture as a command: its width, its document, its file. */

const test = suite('dmremap map');
const shop = new Workshop();
let spare = '';
test.before(() => {
  spare = shop.put('spare.img', healthyImage());
});
test.after(() => shop.cleanUp());

test('the document has the counts of the cells', async () => {
  const { map } = documentOf(await shop.run(['map', spare, '--json', '--width', '80']), 'map') as {
    map: { cell_sectors: number; cells: number[]; remapped: number };
  };
  assert.is(map.remapped, 5);
  assert.is(map.cells.length, Math.ceil(MAIN_SECTORS / map.cell_sectors));
  const expected = map.cells.map(() => 0);
  for (const sector of [7, 8, 9, 1000, 4095]) {
    const cell = Math.floor(sector / map.cell_sectors);
    expected[cell] = (expected[cell] ?? 0) + 1;
  }
  assert.equal(map.cells, expected);
});

test('widths from 20 to 400', async () => {
  for (const width of ['20', '400']) assert.is((await shop.run(['map', spare, '--width', width])).code, 0);
  for (const width of ['19', '401', 'x', '-5'])
    assert.is((await shop.run(['map', spare, `--width=${width}`])).code, 16, width);
});

test('without a valid copy there is no picture, and no file', async () => {
  const lost = shop.put('lost.img', fixture('flip-each'));
  const svg = shop.path('lost.svg');
  const { code, stdout, stderr } = await shop.run(['map', lost, '--svg', svg]);
  assert.equal([code, stdout], [4, '']);
  assert.match(stderr, /no copy of the metadata is valid/);
  assert.is(statSync(svg, { throwIfNoEntry: false }), undefined);
});

test('an SVG is an output file: whole, never over another without --overwrite, never over the spare', async () => {
  const svg = shop.path('picture.svg');
  assert.is((await shop.run(['map', spare, '--svg', svg])).code, 0);
  const content = readFileSync(svg, 'utf8');
  assert.match(content, /^<svg [\s\S]*<\/svg>\n$/);
  await assertRefused(shop, ['map', spare, '--svg', svg], 'usage', /there already/, [svg]);
  const document = documentOf(await shop.run(['map', spare, '--svg', svg, '--overwrite', '--json']), 'map');
  assert.equal([document['output'], document['bytes']], [svg, content.length]);
  const before = fingerprint(spare);
  await assertRefused(shop, ['map', spare, '--svg', spare, '--overwrite'], 'usage', /worked on/, [spare]);
  await assertRefused(shop, ['map', spare, '--overwrite'], 'usage', /svg/, [spare]);
  assert.is(fingerprint(spare), before);
});

test('a block device is no picture', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const image = shop.sparse('other.img', 1 << 20);
  const loop = shop.loop(image);
  await assertRefused(shop, ['map', spare, '--svg', loop, '--overwrite'], 'usage', /block device/, [image]);
});

test('a program that draws SVG takes it', async () => {
  needs('rsvg-convert');
  const svg = shop.path('drawn.svg');
  await shop.run(['map', spare, '--svg', svg, '--overwrite']);
  const png = execFileSync('rsvg-convert', [svg]);
  assert.is(png.toString('latin1', 1, 4), 'PNG');
});
