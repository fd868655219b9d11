/** The remapped sectors of main as lists that other tools take. */
import { badblocksLines } from '../../exchange/badblocks.js';
import { mapfileLines } from '../../exchange/ddrescue.js';
import type { SectorRange } from '../../exchange/quantities.js';
import type { Dumped, DumpSource } from '../../operations/dump.js';
import { SECTOR_SIZE, sectors } from '../../units.js';
import { LineBuffer } from './line-buffer.js';

/** @param blockSize in bytes */
export async function* dumpBadblocks(dump: Dumped, blockSize: number): AsyncGenerator<Uint8Array> {
  yield* pieces(badblocksLines(runs(await badSectors(dump)), blockSize));
}

/** Of the other sectors nothing is said. */
export async function* dumpMapfile({ device, dump }: DumpSource): AsyncGenerator<Uint8Array> {
  const blocks = runs(await badSectors(dump)).map(({ first, count }) => ({
    at: first * SECTOR_SIZE,
    length: count * SECTOR_SIZE,
    status: '-' as const,
  }));
  const heading = [`remapped sectors of main, as dmremap dump found them on ${device.path}`];
  yield* pieces(mapfileLines({ heading, size: sizeOf(dump) * SECTOR_SIZE, rest: '?' }, blocks));
}

/** Sectors of main, as far as offsets in bytes are exact. */
function sizeOf({ copy }: Dumped): number {
  const most = BigInt(Math.floor(Number.MAX_SAFE_INTEGER / SECTOR_SIZE));
  const { main_device_size } = copy.header;
  return Number(main_device_size < most ? main_device_size : most);
}

/** Those that main has, ascending. */
async function badSectors(dump: Dumped): Promise<Float64Array> {
  const size = sizeOf(dump);
  const parts: Float64Array[] = [];
  for await (const { entries } of dump.table.parts())
    parts.push(
      Float64Array.from(entries.liveIndices(), (index) => entries.mainSector(index)).filter(
        (main) => main < size,
      ),
    );
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all.sort();
}

function runs(ascending: Float64Array): SectorRange[] {
  const found: { first: SectorRange['first']; count: SectorRange['count'] }[] = [];
  let last = { first: sectors(0), count: sectors(0) };
  for (const sector of ascending) {
    const end = last.first + last.count;
    if (found.length > 0 && sector < end) continue;
    if (found.length > 0 && sector === end) last.count = sectors(last.count + 1);
    else {
      last = { first: sectors(sector), count: sectors(1) };
      found.push(last);
    }
  }
  return found;
}

function* pieces(lines: Iterable<string>): Generator<Uint8Array> {
  const buffer = new LineBuffer();
  for (const line of lines) {
    if (buffer.isFull) yield buffer.take();
    buffer.add(`${line}\n`);
  }
  yield buffer.take();
}
