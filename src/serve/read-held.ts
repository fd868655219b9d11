import { bytes, SECTOR_SIZE, type Sectors } from '../units.js';
import type { SectorIo } from './sector-io.js';

/** So long a sector is tried to be read, in milliseconds. */
export const READ_MILLISECONDS = 15_000;

/** The data of a sector that the caller holds. @throws DeviceError where it cannot be read */
export async function readHeld(io: SectorIo, sector: Sectors): Promise<Uint8Array> {
  const data = new Uint8Array(SECTOR_SIZE);
  const at = bytes(sector * SECTOR_SIZE);
  const failures = await io.read(at, data);
  if (failures.length === 0) return data;
  const since = performance.now();
  const [lack] = await io.readSlowly(at, data, failures, { since, until: since + READ_MILLISECONDS });
  if (lack !== undefined) throw lack.error;
  return data;
}
