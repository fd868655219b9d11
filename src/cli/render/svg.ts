import { hasExtension, roleName } from '../../format/header.js';
import { type Cells, CLUSTER_GAP, cellsOf, type Grid, type SpareMap } from '../../operations/map.js';
import { SECTOR_SIZE } from '../../units.js';
import {
  byteScale,
  clusterName,
  type Level,
  levelsOf,
  levelText,
  mostIn,
  namesIn,
  percent,
  shadeOf,
} from './map-scale.js';
import { formatSectors, formatTime, humanSize, plural, showUnprintable } from './text.js';

const GRID: Grid = { perRow: 96, rows: 24 };

/** Sizes and places, in units of the picture. */
const CELL = { width: 8, height: 14, gap: 1 } as const;
const LEFT = 112;
const TOP = 108;
const GRID_WIDTH = GRID.perRow * CELL.width;
const RIGHT = LEFT + GRID_WIDTH + 8;
/** What a bar says of the largest spares fits beside it. */
const WIDTH = RIGHT + 328;
const LINE = 20;

/**
 * Colours differ in lightness first, so that grey paper and colour-blind eyes see the same order: more is
 * further from the background, on white as on black. What is printed is always on white.
 */
const LIGHT = {
  paper: '#ffffff',
  text: '#1b1f23',
  muted: '#57606a',
  none: '#dde2e7',
  bar: '#2f6f9f',
  shades: ['#f0a35e', '#dd6330', '#a92c1b', '#5c0d12'],
} as const;
const DARK = {
  paper: '#14181c',
  text: '#e6e9ec',
  muted: '#9aa4ae',
  none: '#272d33',
  bar: '#5aa2d6',
  shades: ['#a8452b', '#e2712f', '#f9ad52', '#ffefb8'],
} as const;

/** A picture for browsers and printers: the same as on a terminal, with each cell's numbers where it is pointed at. */
export function* mapSvg(map: SpareMap): Generator<string> {
  const cells = cellsOf(map.sectors, map.mainSectors, GRID);
  const levels = levelsOf(mostIn(cells.counts));
  const bottom = TOP + Math.ceil(cells.counts.length / GRID.perRow) * CELL.height;
  const barsAt = bottom + 64;
  const listAt = barsAt + 80;
  const height = listAt + (map.clusters.total === 0 ? 0 : (map.clusters.largest.length + 2) * LINE) + 8;
  yield `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc">\n`;
  yield `<title id="title">${escaped(title(map))}</title>\n<desc id="desc">${escaped(description(map))}</desc>\n`;
  yield `<style>\n${style()}</style>\n`;
  // an empty cell is a tile of one pattern: only those that hold something are drawn one by one
  yield `<defs><pattern id="none" x="${LEFT}" y="${TOP}" width="${CELL.width}" height="${CELL.height}" patternUnits="userSpaceOnUse">${box('n', 0, 0)}</rect></pattern></defs>\n`;
  yield `<rect class="p" width="${WIDTH}" height="${height}"/>\n`;
  yield text(24, 32, title(map), 'h');
  for (const [index, line] of subtitles(map).entries()) yield text(24, 52 + index * 18, line, 'm');
  yield* gridParts(map, cells, levels);
  yield* legendParts(levels, cells, bottom + 30);
  yield* barParts(map, barsAt);
  if (map.clusters.total > 0) yield* listParts(map, listAt);
  yield '</svg>\n';
}

function title(map: SpareMap): string {
  return `${plural(map.sectors.length, 'sector')} of main remapped, of ${formatSectors(map.mainSectors)}`;
}

/** Names that last: a picture is looked at later. */
function subtitles({ header }: SpareMap): string[] {
  const when = `generation ${header.generation}, ${formatTime(header.last_update_time)}`;
  if (!hasExtension(header)) return [when];
  const main = header.main_id === '' ? [] : [`main ${header.main_id}`];
  return [`SET=${header.set_uuid}, ${roleName(header.role)}, ${when}`, ...main];
}

function description(map: SpareMap): string {
  const { clusters, entries, header } = map;
  const [largest] = clusters.largest;
  const where =
    largest === undefined
      ? ''
      : ` They lie in ${plural(clusters.total, 'cluster')}, the largest with ${plural(largest.count, 'sector')} at ${humanSize(BigInt(largest.first) * BigInt(SECTOR_SIZE))}.`;
  return `A map of main, left to right and top to bottom.${where} The spare uses ${entries} of ${header.max_entries} entries and of ${map.dataSectors} data sectors.`;
}

function style(): string {
  const rules = (colours: typeof LIGHT | typeof DARK) => [
    `.p{fill:${colours.paper}}`,
    `.t,.h{fill:${colours.text}}`,
    `.m{fill:${colours.muted}}`,
    `.n,.w{fill:${colours.none}}`,
    `.b{fill:${colours.bar}}`,
    ...colours.shades.map((colour, index) => `.s${index + 1}{fill:${colour}}`),
  ];
  const base = [
    'text{font:13px system-ui,"DejaVu Sans",sans-serif}',
    '.h{font-size:18px;font-weight:600}',
    '.r{text-anchor:end}',
  ];
  return [
    ...base,
    ...rules(LIGHT),
    `@media screen and (prefers-color-scheme:dark){${rules(DARK).join('')}}`,
    '@page{size:landscape}',
    // browsers leave backgrounds out of what they print, and cut off what is wider than the page
    '@media print{svg{print-color-adjust:exact;-webkit-print-color-adjust:exact;width:100%;height:auto}}',
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function* gridParts(map: SpareMap, cells: Cells, levels: readonly Level[]): Generator<string> {
  const { perRow } = cells;
  const row = perRow * cells.size;
  const { label } = byteScale(row, cells.counts.length * cells.size);
  const quarter = byteScale(row / 4, row);
  for (let index = 0; index < 4; index++)
    yield text(LEFT + (index * GRID_WIDTH) / 4, TOP - 8, `+${quarter.label((index * row) / 4)}`, 'm');
  for (let from = 0, y = TOP; from < cells.counts.length; from += perRow, y += CELL.height) {
    const counts = cells.counts.subarray(from, from + perRow);
    const sector = from * cells.size;
    yield `<rect fill="url(#none)" x="${LEFT}" y="${y}" width="${counts.length * CELL.width}" height="${CELL.height}"/>\n`;
    yield text(LEFT - 8, y + 11, label(sector), 'm r');
    yield text(RIGHT, y + 11, namesIn(map.clusters.largest, sector, sector + row), 't');
    yield text(RIGHT + 40, y + 11, `sector ${sector}`, 'm');
    for (const [column, count] of counts.entries()) {
      if (count === 0) continue;
      const first = sector + column * cells.size;
      const last = Math.min(first + cells.size, map.mainSectors) - 1;
      yield `${box(`s${shadeOf(count, levels)}`, LEFT + column * CELL.width, y, `data-first="${first}" data-count="${count}"`)}<title>${plural(count, 'remapped sector')} in sectors ${first}-${last}, at ${humanSize(BigInt(first) * BigInt(SECTOR_SIZE))}</title></rect>\n`;
    }
  }
}

function* legendParts(levels: readonly Level[], cells: Cells, y: number): Generator<string> {
  yield text(LEFT, y, `a cell is ${formatSectors(cells.size)}; remapped sectors in it:`, 't');
  let x = LEFT + 420;
  for (const [shade, label] of [['n', 'none'], ...levels.map((one) => [`s${one.shade}`, levelText(one)])]) {
    yield `${box(shade ?? '', x, y - 11)}</rect>\n`;
    yield text(x + 14, y, label ?? '', 't');
    x += 40 + 8 * (label ?? '').length;
  }
}

function* barParts({ entries, header, dataSectors }: SpareMap, y: number): Generator<string> {
  const bars = [
    ['entries', header.max_entries],
    ['data', dataSectors],
  ] as const;
  for (const [index, [name, whole]] of bars.entries()) {
    const at = y + index * (LINE + 14);
    const share = whole <= 0 ? 0 : Math.min(1, entries / whole);
    yield text(LEFT - 8, at + 13, name, 't r');
    yield `<rect class="w" x="${LEFT}" y="${at}" width="${GRID_WIDTH}" height="18"/>\n`;
    // one sector is seen, too
    if (entries > 0)
      yield `<rect class="b" x="${LEFT}" y="${at}" width="${Math.max(1.5, share * GRID_WIDTH).toFixed(1)}" height="18"/>\n`;
    yield text(RIGHT, at + 13, `${entries} of ${whole}, ${percent(entries, whole)}`, 't');
  }
}

function* listParts({ clusters: { largest, total } }: SpareMap, y: number): Generator<string> {
  const apart = `sectors at most ${humanSize(CLUSTER_GAP * SECTOR_SIZE)} apart`;
  const which = largest.length < total ? `the ${largest.length} largest of ${total} clusters` : 'clusters';
  yield text(LEFT, y + LINE, `${which} (${apart})`, 'm');
  for (const [index, { first, last, count }] of largest.entries()) {
    const at = y + (index + 2) * LINE;
    yield text(LEFT, at, clusterName(index), 't');
    yield text(LEFT + 120, at, humanSize(BigInt(first) * BigInt(SECTOR_SIZE)), 't r');
    yield text(LEFT + 152, at, `sectors ${first === last ? first : `${first}-${last}`}`, 't');
    yield text(LEFT + 440, at, `${count} of ${last - first + 1} remapped`, 't');
  }
}

/** A cell, left open for its title. */
function box(className: string, x: number, y: number, more = ''): string {
  const [width, height] = [CELL.width - CELL.gap, CELL.height - CELL.gap];
  return `<rect class="${className}" x="${x}" y="${y}" width="${width}" height="${height}"${more === '' ? '' : ` ${more}`}>`;
}

function text(x: number, y: number, content: string, className: string): string {
  if (content === '') return '';
  return `<text class="${className}" x="${x}" y="${y}">${escaped(content)}</text>\n`;
}

/** XML has no way to hold control characters, and identities come from devices. */
function escaped(content: string): string {
  return showUnprintable(content).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
