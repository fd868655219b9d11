import type { FileDevice } from '../device/file-device.js';
import { writeOutputFile } from '../device/output-file.js';
import type { Medium } from '../device/same-medium.js';
import type { RemapTable } from '../format/entry.js';
import type { Header } from '../format/header.js';
import { dataArea, shapeOf } from '../store/relayout.js';
import { type Bytes, bytes, SECTOR_SIZE } from '../units.js';
import { diagnose, holderOf } from './diagnose.js';
import { type Clusters, clustersOf } from './map/clusters.js';
import { withDevice } from './open-device.js';
import { legible, refuseUnknown } from './spare.js';

export { type Cells, cellSize, cellsOf, type Grid } from './map/cells.js';
export { CLUSTER_GAP, type Cluster, type Clusters } from './map/clusters.js';

/** Where on main the remapped sectors lie, and how full the spare is. */
export interface SpareMap {
  readonly header: Header;
  readonly mainSectors: number;
  /** Remapped sectors of main, ascending, each once. */
  readonly sectors: Float64Array;
  readonly clusters: Clusters;
  /** Live entries; more than `sectors` where the table breaks a rule. */
  readonly entries: number;
  /** Entries for sectors that main does not have. */
  readonly beyond: number;
  /** Entries for sectors that another entry is for, too. */
  readonly repeated: number;
  /** Sectors of the spare that may hold data. */
  readonly dataSectors: number;
  /** What a picture must not be written over. */
  readonly spare: Medium;
}

/**
 * Reads a spare for its picture (dmremap map). Undefined where no copy of the metadata is valid (exit 4).
 *
 * @throws DmremapError as diagnose; `unsupported` for what is not known
 */
export function readMap(path: string): Promise<SpareMap | undefined> {
  return withDevice(path, 'read', async (device) => {
    const diagnosis = await diagnose(device, { holder: holderOf(device), skipBeyond: true });
    refuseUnknown(path, diagnosis.problems);
    const spare = legible(diagnosis);
    return spare === undefined ? undefined : mapOf(device, spare.chosen.header, spare.table);
  });
}

function mapOf(device: FileDevice, header: Header, table: RemapTable): SpareMap {
  // beyond that no sector is exact, and no device has them
  const mainSectors = Math.min(Number(header.main_device_size), Number.MAX_SAFE_INTEGER);
  const { sectors, entries, beyond } = mainSectorsOf(table, mainSectors);
  const distinct = withoutRepeats(sectors);
  const area = dataArea(shapeOf(header), sizeOf(header, device.size));
  const { realPath, deviceNumber, dev, ino } = device;
  return {
    header,
    mainSectors,
    sectors: distinct,
    clusters: clustersOf(distinct),
    entries,
    beyond,
    repeated: sectors.length - distinct.length,
    dataSectors: Math.max(0, area.end - area.start),
    spare: { realPath, deviceNumber, dev, ino },
  };
}

/** Geometry follows from the recorded size, unless the device has shrunk. */
function sizeOf({ spare_device_size }: Header, real: Bytes): Bytes {
  return bytes(Math.min(Number(spare_device_size) * SECTOR_SIZE, real));
}

function mainSectorsOf(table: RemapTable, mainSectors: number) {
  const all = new Float64Array(table.count);
  let [length, entries] = [0, 0];
  for (const index of table.live()) {
    const sector = table.mainSector(index);
    if (sector < mainSectors) all[length++] = sector;
    entries++;
  }
  return { sectors: all.subarray(0, length).sort(), entries, beyond: entries - length };
}

/** In place. */
function withoutRepeats(sorted: Float64Array): Float64Array {
  let length = 0;
  for (const sector of sorted) if (length === 0 || sector !== sorted[length - 1]) sorted[length++] = sector;
  return sorted.subarray(0, length);
}

/** Writes a picture to a file, by the rules for output files; never over the spare. Returns its bytes. */
export function writePicture(
  path: string,
  { spare }: SpareMap,
  overwrite: boolean,
  pieces: Iterable<string>,
): Promise<number> {
  return writeOutputFile(path, { overwrite, never: [spare] }, async (sink) => {
    for (const piece of pieces) await sink.write(piece);
  });
}
