import {
  type Cells,
  CLUSTER_GAP,
  cellSize,
  cellsOf,
  type Grid,
  type SpareMap,
} from '../../operations/map.js';
import { NEARLY_FULL } from '../../operations/status.js';
import { SECTOR_SIZE } from '../../units.js';
import { paint, type Style, type Terminal } from '../terminal.js';
import { JsonList, type JsonObject } from './json.js';
import {
  byteScale,
  clusterName,
  type Level,
  levelsOf,
  levelText,
  mostIn,
  NAMES,
  namesIn,
  percent,
  shadeOf,
} from './map-scale.js';
import { type Cell, gridText, keyValueTable } from './table.js';
import { formatSectors, humanSize, plural, wrap } from './text.js';

const ROWS = 16;

/** From this width on the sector of each row is shown beside its byte. */
const WITH_SECTORS = 100;
/** From this width on clusters are named at the right edge, behind a blank. */
const WITH_NAMES = 40;

interface Look {
  /** By shade, that of nothing first. */
  readonly shades: string;
  readonly edge: string;
  /** Parts of a full cell of a bar, in equal steps, the full one last. */
  readonly fill: string;
}

const UNICODE: Look = { shades: '·░▒▓█', edge: '│', fill: '▏▎▍▌▋▊▉█' };
const ASCII: Look = { shades: '.+*#@', edge: '|', fill: '#' };

/** Where things stand in a line. */
interface Columns {
  readonly grid: Grid;
  readonly labelWidth: number;
  /** 0 where sectors are not shown. */
  readonly sectorWidth: number;
}

/** The picture for a terminal of this width. */
export function mapText(map: SpareMap, terminal: Terminal): string {
  const columns = columnsFor(map, terminal.width);
  const cells = cellsOf(map.sectors, map.mainSectors, columns.grid);
  const levels = levelsOf(mostIn(cells.counts));
  const parts = [
    keyValueTable(headRows(map, cells), terminal),
    [...gridLines(map, cells, levels, columns, terminal)].join('\n'),
    legend(levels, terminal),
    spareLines(map, columns, terminal).join('\n'),
    map.clusters.total === 0 ? '' : clustersText(map, terminal),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** The widest grid that fits beside its labels. */
function columnsFor({ mainSectors }: SpareMap, width: number): Columns {
  const sectorWidth = width < WITH_SECTORS ? 0 : String(mainSectors).length;
  const beside = (sectorWidth === 0 ? 0 : sectorWidth + 2) + (width < WITH_NAMES ? 0 : 1 + NAMES);
  for (const perRow of rowLengths(width)) {
    const grid = { perRow, rows: ROWS };
    const labelWidth = Math.max('entries'.length, ...labelsOf(mainSectors, grid).map(({ length }) => length));
    // a blank behind the label, and an edge on both sides
    if (labelWidth + 1 + 2 + perRow + beside <= width) return { grid, labelWidth, sectorWidth };
  }
  throw new RangeError(`no picture is ${width} columns wide`);
}

/** Numbers that make rows of a round size. */
function* rowLengths(width: number): Generator<number> {
  for (let length = Math.floor(width / 16) * 16; length > 16; length -= 16) yield length;
  yield* [16, 8, 4, 2];
}

function labelsOf(mainSectors: number, grid: Grid): string[] {
  const row = cellSize(mainSectors, grid) * grid.perRow;
  const last = Math.max(0, Math.ceil(mainSectors / row) - 1) * row;
  const { label } = byteScale(row, last);
  return [label(0), label(last)];
}

function* headRows(map: SpareMap, cells: Cells): Generator<[string, Cell]> {
  const row = cells.size * cells.perRow;
  yield ['main', formatSectors(map.header.main_device_size)];
  yield ['remapped', `${plural(map.sectors.length, 'sector')} in ${plural(map.clusters.total, 'cluster')}`];
  yield ['one cell', formatSectors(cells.size)];
  yield ['one row', formatSectors(row)];
}

function* gridLines(
  map: SpareMap,
  cells: Cells,
  levels: readonly Level[],
  { grid, labelWidth, sectorWidth }: Columns,
  terminal: Terminal,
): Generator<string> {
  const { edge } = lookOf(terminal);
  const row = cells.size * grid.perRow;
  const { label } = byteScale(row, cells.counts.length * cells.size);
  for (let from = 0; from < cells.counts.length; from += grid.perRow) {
    const sector = from * cells.size;
    const left = label(sector).padStart(labelWidth);
    const exact = sectorWidth === 0 ? '' : `  ${String(sector).padStart(sectorWidth)}`;
    const counts = cells.counts.subarray(from, from + grid.perRow);
    const shown = shaded(counts, levels, terminal) + ' '.repeat(grid.perRow - counts.length);
    const names = terminal.width < WITH_NAMES ? '' : namesIn(map.clusters.largest, sector, sector + row);
    yield `${left}${exact} ${edge}${shown}${edge}${names === '' ? '' : ` ${names}`}`;
  }
  yield* axis(grid, cells, labelWidth + (sectorWidth === 0 ? 0 : sectorWidth + 2) + 2);
}

/** How far into its row a column is, at the quarters of a row that is long enough for it. */
function* axis({ perRow }: Grid, cells: Cells, indent: number): Generator<string> {
  const quarter = perRow / 4;
  const { label } = byteScale(quarter * cells.size, perRow * cells.size);
  const labels = [0, 1, 2, 3].map((index) => `+${label(index * quarter * cells.size)}`);
  if (labels.some(({ length }) => length >= quarter)) return;
  yield `${' '.repeat(indent)}${labels.map((text) => text.padEnd(quarter)).join('')}`.trimEnd();
}

/** Cells of one look are painted together. */
function shaded(counts: Uint32Array, levels: readonly Level[], terminal: Terminal): string {
  const { shades } = lookOf(terminal);
  let line = '';
  let [run, isEmpty] = ['', true];
  const flush = () => {
    line += paint(terminal, styleOf(isEmpty ? 0 : 1), run);
    run = '';
  };
  for (const count of counts) {
    if ((count === 0) !== isEmpty) flush();
    isEmpty = count === 0;
    run += shades[shadeOf(count, levels)] ?? '';
  }
  flush();
  return line;
}

function styleOf(shade: number): Style {
  return shade === 0 ? 'dim' : 'red';
}

function legend(levels: readonly Level[], terminal: Terminal): string {
  const { shades } = lookOf(terminal);
  const shown = [[0, 'none'] as const, ...levels.map((level) => [level.shade, levelText(level)] as const)];
  const items = shown.map(([shade, text]) => ({
    length: text.length + 2,
    text: `${paint(terminal, styleOf(shade), shades[shade] ?? '')} ${text}`,
  }));
  return inLines('remapped sectors in a cell:', items, terminal.width);
}

/** Items of so many columns that are not to be broken, after a title. */
function inLines(
  title: string,
  items: readonly { readonly text: string; readonly length: number }[],
  width: number,
): string {
  let shown = wrap(title, width);
  let used = shown.split('\n').at(-1)?.length ?? 0;
  for (const { text, length } of items) {
    const fits = used + 2 + length <= width;
    shown += fits ? `  ${text}` : `\n${text}`;
    used = fits ? used + 2 + length : length;
  }
  return shown;
}

function spareLines(map: SpareMap, { grid, labelWidth, sectorWidth }: Columns, terminal: Terminal): string[] {
  const { max_entries } = map.header;
  const indent = labelWidth + (sectorWidth === 0 ? 0 : sectorWidth + 2);
  const bar = (name: string, whole: number) =>
    `${name.padStart(indent)} ${barText(map.entries, whole, grid.perRow, terminal)}`;
  const said = (whole: number, of: string) =>
    `${map.entries} of ${whole} ${of} (${percent(map.entries, whole)})`;
  const parts = [`spare: ${said(max_entries, 'entries')},`, said(map.dataSectors, 'data sectors')];
  const whole = parts.join(' ');
  return [
    ...(whole.length <= terminal.width ? [whole] : parts.map((part) => wrap(part, terminal.width))),
    bar('entries', max_entries),
    bar('data', map.dataSectors),
  ];
}

/** What is in use is never shown as nothing, and full only where nothing is left. */
function barText(used: number, whole: number, width: number, terminal: Terminal): string {
  const { edge, fill } = lookOf(terminal);
  const share = whole <= 0 ? 0 : Math.min(1, used / whole);
  const steps = Math.max(used > 0 ? 1 : 0, Math.floor(share * width * fill.length));
  const full = fill.at(-1) ?? '';
  const filled = full.repeat(Math.floor(steps / fill.length)) + (fill[(steps % fill.length) - 1] ?? '');
  const style: Style = share >= 1 ? 'red' : share >= NEARLY_FULL ? 'yellow' : 'green';
  return `${edge}${paint(terminal, style, filled)}${' '.repeat(width - filled.length)}${edge}`;
}

function clustersText({ clusters: { largest, total } }: SpareMap, terminal: Terminal): string {
  const apart = `sectors at most ${humanSize(CLUSTER_GAP * SECTOR_SIZE)} apart`;
  const title =
    largest.length < total
      ? `the ${largest.length} largest of ${total} clusters (${apart})`
      : `clusters (${apart})`;
  const rows = largest.map(({ first, last, count }, index) => [
    clusterName(index),
    first === last ? String(first) : `${first}-${last}`,
    humanSize(BigInt(first) * BigInt(SECTOR_SIZE)),
    `${count} of ${last - first + 1}`,
  ]);
  return `${wrap(title, terminal.width)}\n${gridText(['name', 'sectors', 'at', 'remapped'], rows, terminal)}`;
}

function lookOf(terminal: Terminal): Look {
  return terminal.unicode ? UNICODE : ASCII;
}

/** The document; its cells are those of a picture of this width. */
export function mapJson(map: SpareMap | undefined, width: number): JsonObject {
  if (map === undefined) return { valid: false, map: null };
  const { size, counts } = cellsOf(map.sectors, map.mainSectors, columnsFor(map, width).grid);
  return {
    valid: true,
    map: {
      main_device_size: map.header.main_device_size,
      remapped: map.sectors.length,
      entries: map.entries,
      max_entries: map.header.max_entries,
      data_sectors: map.dataSectors,
      beyond_main: map.beyond,
      repeated: map.repeated,
      cell_sectors: size,
      cells: new JsonList(counts),
      clusters: map.clusters.total,
      largest_clusters: map.clusters.largest.map(({ first, last, count }, index) => ({
        name: clusterName(index),
        first_sector: first,
        last_sector: last,
        remapped: count,
      })),
    },
  };
}
