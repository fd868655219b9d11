import { ascii, hex, isPowerOfTwo, type SignatureRow, start } from './signature.js';

/**
 * What lives in sector 0 under the boot mark 55 AA: the filesystems of DOS and Windows, and the MBR. A boot
 * sector of a filesystem is never reported as an MBR too.
 */

const BOOT_MARK = 510;
const PARTITION_TABLE = 446;
const PROTECTIVE = 0xee;

/** Limits of the cluster counts that define the FAT types. */
const FAT12_CLUSTERS = 4085;
const FAT16_CLUSTERS = 65525;

type FatType = 'fat12' | 'fat16' | 'fat32';

/**
 * The FAT type that the BIOS parameter block describes; undefined if it describes none. The type follows from
 * the number of clusters alone, as Microsoft's definition has it: the text FAT12 or FAT16 is decoration.
 */
function fatType(sector: DataView): FatType | undefined {
  const sectorSize = sector.getUint16(11, true);
  const clusterSectors = sector.getUint8(13);
  const reserved = sector.getUint16(14, true);
  const fats = sector.getUint8(16);
  const rootEntries = sector.getUint16(17, true);
  const media = sector.getUint8(21);
  if (!isPowerOfTwo(sectorSize) || sectorSize < 512 || sectorSize > 4096) return undefined;
  if (!isPowerOfTwo(clusterSectors) || reserved === 0 || fats < 1 || fats > 2) return undefined;
  if (media !== 0xf0 && media < 0xf8) return undefined;

  const total = sector.getUint16(19, true) || sector.getUint32(32, true);
  const shortFat = sector.getUint16(22, true);
  const fatSectors = shortFat || sector.getUint32(36, true);
  const rootSectors = Math.ceil((rootEntries * 32) / sectorSize);
  const dataSectors = total - reserved - fats * fatSectors - rootSectors;
  if (fatSectors === 0 || dataSectors < clusterSectors) return undefined;
  if (shortFat === 0) return rootEntries === 0 ? 'fat32' : undefined;
  const clusters = Math.floor(dataSectors / clusterSectors);
  if (clusters < FAT12_CLUSTERS) return 'fat12';
  return clusters < FAT16_CLUSTERS ? 'fat16' : undefined;
}

function textAt(sector: DataView, at: number, text: string): boolean {
  return ascii(text).every((byte, index) => sector.getUint8(at + index) === byte);
}

function ntfsPlausible(sector: DataView): boolean {
  return isPowerOfTwo(sector.getUint16(11, true)) && sector.getUint8(13) > 0;
}

/** exFAT keeps its sector size as a power of two, 9 to 12, and leaves the old parameter block zero. */
function exfatPlausible(sector: DataView): boolean {
  const shift = sector.getUint8(108);
  return shift >= 9 && shift <= 12 && sector.getUint16(11, true) === 0;
}

function isFilesystem(sector: DataView): boolean {
  if (textAt(sector, 3, 'NTFS    ')) return ntfsPlausible(sector);
  if (textAt(sector, 3, 'EXFAT   ')) return exfatPlausible(sector);
  return textAt(sector, 3, '-FVE-FS-') || fatType(sector) !== undefined;
}

/** A partition table in a sector that is no filesystem's; each of the four boot flags is 00 or 80. */
function mbrKind(sector: DataView): 'mbr' | 'protective' | undefined {
  if (isFilesystem(sector)) return undefined;
  let kind: 'mbr' | 'protective' = 'mbr';
  for (let entry = PARTITION_TABLE; entry < BOOT_MARK; entry += 16) {
    if (sector.getUint8(entry) & 0x7f) return undefined;
    if (sector.getUint8(entry + 4) === PROTECTIVE) kind = 'protective';
  }
  return kind;
}

function fatRow(id: FatType, name: string): SignatureRow {
  return {
    id,
    name,
    places: [start(0)],
    magicAt: 0,
    // The jump over the parameter block; some systems write the filesystem without the boot mark.
    magics: [hex('eb'), hex('e9')],
    needs: 512,
    plausible: (sector) => fatType(sector) === id,
  };
}

function mbrRow(id: string, name: string, kind: 'mbr' | 'protective'): SignatureRow {
  return {
    id,
    name,
    places: [start(0)],
    magicAt: BOOT_MARK,
    magics: [hex('55 aa')],
    plausible: (sector) => mbrKind(sector) === kind,
  };
}

export const bootSectorRows: readonly SignatureRow[] = [
  fatRow('fat12', 'FAT12 filesystem'),
  fatRow('fat16', 'FAT16 filesystem'),
  fatRow('fat32', 'FAT32 filesystem'),
  {
    id: 'exfat',
    name: 'exFAT filesystem',
    places: [start(0)],
    magicAt: 3,
    magics: [ascii('EXFAT   ')],
    needs: 512,
    plausible: exfatPlausible,
  },
  {
    id: 'ntfs',
    name: 'NTFS filesystem',
    places: [start(0)],
    magicAt: 3,
    magics: [ascii('NTFS    ')],
    needs: 512,
    plausible: ntfsPlausible,
  },
  {
    id: 'bitlocker',
    name: 'BitLocker encrypted volume',
    places: [start(0)],
    magicAt: 3,
    magics: [ascii('-FVE-FS-')],
  },
  mbrRow('mbr', 'MBR partition table', 'mbr'),
  mbrRow('mbr-protective', 'protective MBR of a GPT partition table', 'protective'),
];
