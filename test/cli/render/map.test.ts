import { mapText } from '../../../src/cli/render/map.js';
import { mapSvg } from '../../../src/cli/render/svg.js';
import { displayWidth } from '../../../src/cli/render/text.js';
import type { Terminal } from '../../../src/cli/terminal.js';
import { readMap, type SpareMap } from '../../../src/operations/map.js';
import { Scratch } from '../../device/scratch.js';
import { savedSpare } from '../../operations/images.js';
import type { Entry, ImageSpec } from '../../support/build-image.js';
import { assert, suite } from '../../support/harness.js';
import { Random } from '../../support/random.js';

/** The pictures say what the table says: read back from what is printed, against the entries that were written. */

const test = suite('map: pictures');
const scratch = new Scratch();
test.after(() => scratch.cleanUp());

const SIZES = [1, 7, 4096, 4097, 2_000_000, 3_907_029_168, 2 ** 45] as const;
const BYTES: { readonly [unit: string]: number } = {
  bytes: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  PiB: 2 ** 50,
};

async function mapOf(
  mains: readonly number[],
  mainSectors: number,
  more: Partial<ImageSpec> = {},
): Promise<SpareMap> {
  const entries = mains.map((main, index): Entry => [main, 1000 + index]);
  const spec: ImageSpec = {
    layout: 'redundant',
    sectors: 20_000,
    maxEntries: 5000,
    mainSectors,
    entries,
    ...more,
  };
  const map = await readMap(savedSpare(scratch, 'spare.img', spec));
  if (map === undefined) throw new Error('no copy is valid');
  return map;
}

function terminal(width: number, unicode = true): Terminal {
  return { color: false, unicode, width, live: false };
}

/** Cells as they are printed: the first sector that the labels give each, and its mark. */
function cellsIn(text: string, map: SpareMap): { readonly first: number; readonly mark: string }[] {
  const edge = /^ *([\d.]+) (\w+) (?: *\d+ )?[│|](.+?)[│|]( [A-Z+]+)?$/;
  const unbroken = text.replace(/(?<=\d)\n {10}(?=\d)/g, '');
  const size = Number(/^one cell +(\d+)/m.exec(unbroken)?.[1]);
  const found: { first: number; mark: string }[] = [];
  for (const line of text.split('\n')) {
    const [, number, unit, marks] = edge.exec(line) ?? [];
    if (marks === undefined) continue;
    const row = (Number(number) * (BYTES[unit ?? ''] ?? Number.NaN)) / 512;
    for (const [column, mark] of [...marks].entries())
      if (mark !== ' ') found.push({ first: row + column * size, mark });
  }
  assert.is(found.length, Math.ceil(map.mainSectors / size), text);
  return found;
}

test('one bad sector is seen at any width, in the place that the labels say', async () => {
  const random = new Random(5);
  for (const mainSectors of SIZES) {
    const sector = Math.floor((random.u32() / 2 ** 32) * mainSectors);
    const map = await mapOf([sector], mainSectors);
    for (let width = 20; width <= 400; width++) {
      for (const unicode of [true, false]) {
        const text = mapText(map, terminal(width, unicode));
        const cells = cellsIn(text, map);
        const marked = cells.filter(({ mark }) => mark !== (unicode ? '·' : '.'));
        assert.equal(
          marked.map(({ mark }) => mark),
          [unicode ? '█' : '@'],
          `${mainSectors} sectors at ${width}`,
        );
        const size = (cells[1]?.first ?? mainSectors) - (cells[0]?.first ?? 0);
        const first = marked[0]?.first ?? Number.NaN;
        assert.ok(
          first <= sector && sector < first + size,
          `${sector} of ${mainSectors} at ${width}: ${first}`,
        );
      }
    }
  }
});

test('no line is wider than the screen, and ASCII is ASCII', async () => {
  const random = new Random(6);
  for (const mainSectors of [4096, 3_907_029_168, 2 ** 45]) {
    for (const count of [0, 1, 1000]) {
      const map = await mapOf(random.distinct(count, 0, Math.min(mainSectors, 2 ** 31) - 1), mainSectors);
      for (const width of [20, 21, 33, 40, 59, 80, 99, 100, 131, 200, 400]) {
        for (const unicode of [true, false]) {
          const text = mapText(map, terminal(width, unicode));
          const wide = text.split('\n').filter((line) => displayWidth(line) > width);
          assert.equal(wide, [], `${mainSectors} sectors, ${count} remapped, at ${width}`);
          if (!unicode) assert.match(text, /^[\x20-\x7e\n]*$/);
        }
      }
    }
  }
});

test('every mark is that of its count in the legend', async () => {
  const random = new Random(7);
  const mains = [...random.distinct(3000, 0, 3000), ...random.distinct(50, 3001, 99_999), 90_000].sort();
  const distinct = [...new Set(mains)];
  const map = await mapOf(distinct, 100_000);
  for (const width of [20, 80, 200]) {
    const text = mapText(map, terminal(width, false));
    const legend = new Map<string, [number, number]>([['.', [0, 0]]]);
    for (const [, mark = '', from, to] of text.matchAll(/([+*#@]) (\d+)(?:-(\d+))?(?=\s)/g))
      legend.set(mark, [Number(from), Number(to ?? from)]);
    const cells = cellsIn(text, map);
    const size = (cells[1]?.first ?? 0) - (cells[0]?.first ?? 0);
    for (const { first, mark } of cells) {
      const count = distinct.filter((sector) => sector >= first && sector < first + size).length;
      const [from, to] = legend.get(mark) ?? [Number.NaN, Number.NaN];
      assert.ok(count >= from && count <= to, `${count} from ${first} on is ${mark}: ${from}-${to}`);
    }
  }
});

test('the counts of an SVG are those of the table', async () => {
  const random = new Random(8);
  for (const [count, mainSectors] of [
    [0, 4096],
    [1, 2 ** 45],
    [700, 4096],
    [4000, 3_907_029_168],
  ] as const) {
    const mains = random.distinct(count, 0, Math.min(mainSectors, 2 ** 32) - 1);
    const svg = [...mapSvg(await mapOf(mains, mainSectors))].join('');
    const drawn = [
      ...svg.matchAll(
        /data-first="(\d+)" data-count="(\d+)"><title>(\d+) remapped sectors? in sectors (\d+)-(\d+)/g,
      ),
    ];
    assert.is(drawn.length, svg.match(/data-count=/g)?.length ?? 0);
    let sum = 0;
    for (const [, first, told, titled, from, to] of drawn) {
      assert.equal([first, told], [from, titled]);
      const inside = mains.filter((sector) => sector >= Number(from) && sector <= Number(to)).length;
      assert.is(inside, Number(told), `${from}-${to}`);
      sum += inside;
    }
    assert.is(sum, mains.length);
  }
});

test('an SVG holds nothing of an identity that could break or script it', async () => {
  const main_id = 'serial:<script>&"\u0007\u202e';
  const svg = [...mapSvg(await mapOf([5], 4096, { fields: { main_id } }))].join('');
  assert.match(svg, /main serial:&lt;script&gt;&amp;/);
  assert.not.match(svg, /<script|(?!\n)\p{Cc}|\u202e/u);
  assert.match(svg, /role="img" aria-labelledby="title desc"/);
  assert.match(svg, /<title id="title">1 sector of main remapped/);
  assert.match(svg, /prefers-color-scheme:dark/);
});

test('no text of an SVG leaves its frame: the longest names and the largest numbers', async () => {
  const mains = Array.from(
    { length: 4000 },
    (_, index) => 2 ** 36 - 1 - index * (index % 2 === 0 ? 1 : 5000),
  );
  const map = await mapOf(mains, 2 ** 36, { fields: { main_id: 'wwn-'.padEnd(64, '5') } });
  const most = { ...map, dataSectors: 2 ** 36, header: { ...map.header, max_entries: 16_777_216 } };
  const svg = [...mapSvg(most)].join('');
  const width = Number(/ width="(\d+)"/.exec(svg)?.[1]);
  let texts = 0;
  for (const [, type, x, text = ''] of svg.matchAll(/<text class="([^"]*)" x="(\d+)" y="\d+">([^<]*)</g)) {
    texts++;
    // a digit of the widest font that is asked for
    const long = text.length * (type === 'h' ? 12 : 8.3);
    const [from, to] = type?.includes('r') ? [Number(x) - long, Number(x)] : [Number(x), Number(x) + long];
    assert.ok(from >= 0 && to <= width, `${text}: ${from} to ${to} of ${width}`);
  }
  assert.ok(texts > 20);
});

test('the legend has the colours of the picture', async () => {
  const map = await mapOf([5], 4096);
  const text = mapText(map, { ...terminal(80), color: true });
  const at = text.indexOf('█');
  const painted = text.slice(text.lastIndexOf('[', at) - 1, text.indexOf('m', at) + 1);
  const [, legend = ''] = text.split('remapped sectors in a cell');
  assert.ok(painted.length > 3 && legend.includes(`${painted} 1`), legend);
});

test('what is in use is never shown as nothing, and full only where nothing is left', async () => {
  const bars = async (count: number) => {
    const mains = Array.from({ length: count }, (_, index) => index);
    const map = await mapOf(mains, 1_000_000, { maxEntries: 5000, sectors: 20_000 });
    const text = mapText(map, terminal(80));
    const [, bar = ''] = /entries │(.*)│/.exec(text) ?? [];
    return { bar, text };
  };
  assert.match((await bars(0)).bar, /^ +$/);
  assert.match((await bars(1)).bar, /^▏ +$/);
  assert.match((await bars(1)).text, /1 of 5000 entries \(less than 0\.1 %\)/);
  assert.match((await bars(4999)).bar, /^█+▉$/);
  assert.match((await bars(4999)).text, /\(99\.9 %\)/);
  assert.match((await bars(5000)).bar, /^█+$/);
});
