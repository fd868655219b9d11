/** What the pictures of main have in common: how bytes along main are written, and what a shade stands for. */
import { SECTOR_SIZE } from '../../units.js';

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

/** Labels of multiples of one step, all in one unit and exact. */
export interface ByteScale {
  label(sector: number): string;
}

/** More digits than these are hard to compare: there are decimals of a larger unit then. */
const READABLE = 10_000;

/**
 * @param stepSectors a power of two, or a small multiple of one
 * @param lastSector the greatest that is to be labelled
 */
export function byteScale(stepSectors: number, lastSector: number): ByteScale {
  const step = stepSectors * SECTOR_SIZE;
  const whole = largestUnit(step);
  const unit = (lastSector * SECTOR_SIZE) / 1024 ** whole < READABLE ? whole : largestUnit(step * 8);
  const inUnits = (sector: number) => (sector * SECTOR_SIZE) / 1024 ** unit;
  // eighths have at most three
  const decimals = [0, 1, 2, 3].find(
    (digits) => Number(inUnits(stepSectors).toFixed(digits)) === inUnits(stepSectors),
  );
  return { label: (sector) => `${inUnits(sector).toFixed(decimals)} ${UNITS[unit]}` };
}

/** The largest unit of which these are a whole number. */
function largestUnit(bytes: number): number {
  let unit = 0;
  while (unit < UNITS.length - 1 && bytes % 1024 ** (unit + 1) === 0) unit++;
  return unit;
}

/** Shades that a picture has, besides that of nothing. */
export const SHADES = 4;

/** What is shown in one shade: from so many remapped sectors in a cell, to so many. */
export interface Level {
  /** 1 the lightest, SHADES the darkest. Where there are few levels, the light ones stay away. */
  readonly shade: number;
  readonly from: number;
  readonly to: number;
}

/** Steps between levels that a person can read. */
const BASES = [2, 10, 100] as const;

/**
 * The levels of a picture, by order of magnitude: from one sector in a cell, which has a level of its own or
 * shares it, to `most`. None where nothing is remapped.
 */
export function levelsOf(most: number): Level[] {
  const base = BASES.find((one) => one ** SHADES > most) ?? BASES[BASES.length - 1] ?? 100;
  const starts = Array.from({ length: SHADES }, (_, power) => base ** power).filter((from) => from <= most);
  return starts.map((from, index) => ({
    shade: SHADES - starts.length + index + 1,
    from,
    to: (starts[index + 1] ?? most + 1) - 1,
  }));
}

/** Of the cell that has the most. */
export function mostIn(counts: Uint32Array): number {
  return counts.reduce((most, count) => Math.max(most, count), 0);
}

/** The shade for a cell with so many remapped sectors; 0 for none. */
export function shadeOf(count: number, levels: readonly Level[]): number {
  return levels.findLast(({ from }) => count >= from)?.shade ?? 0;
}

export function levelText({ from, to }: Level): string {
  return from === to ? String(from) : `${from}-${to}`;
}

/** A part of a whole in percent, rounded down; what is not nothing is never shown as 0. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return '-';
  const tenths = Math.floor((part / whole) * 1000);
  return part > 0 && tenths === 0 ? 'less than 0.1 %' : `${(tenths / 10).toFixed(1)} %`;
}

/** Clusters are called A, B, C …, the largest first. */
export function clusterName(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index);
}

/** Letters beside a row, at most. */
export const NAMES = 3;

/** The clusters that begin in these sectors, as far as there is room for their names. */
export function namesIn(clusters: readonly { readonly first: number }[], from: number, to: number): string {
  const names = clusters.flatMap(({ first }, index) =>
    first >= from && first < to ? [clusterName(index)] : [],
  );
  return names.length <= NAMES ? names.join('') : `${names.slice(0, NAMES - 1).join('')}+`;
}
