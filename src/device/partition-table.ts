/** Finds a partition's PARTUUID in the GPT or MBR of its disk, for kernels and initramfs that do not tell it. */

export interface PartitionPlace {
  /** As in its name: 1 for sda1. */
  readonly number: number;
  /** First 512-byte sector on the disk. */
  readonly start: number;
}

export interface TableDisk {
  /** Bytes `at` … `at + length`; undefined where they cannot be read. */
  readonly read: (at: number, length: number) => Promise<Uint8Array | undefined>;
  /** Bytes. */
  readonly size: number;
  /** Bytes; the unit in which the tables count. */
  readonly logicalBlockSize: number;
}

const MBR_SIGNATURE = 440;
const MBR_ENTRIES = 446;
const MBR_ENTRY_SIZE = 16;
const GPT_ENTRIES_AT = 72;
const GPT_ENTRY_COUNT = 80;
const GPT_ENTRY_SIZE = 84;

/**
 * The PARTUUID in lower case, as the kernel and udev write it. Undefined if there is no table that has a
 * partition of this number at this place, or it gives the partition no identity.
 */
export async function partitionUuid(disk: TableDisk, place: PartitionPlace): Promise<string | undefined> {
  const boot = await disk.read(0, 512);
  if (boot === undefined || boot[510] !== 0x55 || boot[511] !== 0xaa) return undefined;
  if (isProtective(boot)) {
    const last = Math.floor(disk.size / disk.logicalBlockSize) - 1;
    return (await fromGpt(disk, place, 1)) ?? (await fromGpt(disk, place, last));
  }
  return fromMbr(boot, disk, place);
}

function isProtective(boot: Uint8Array): boolean {
  return [0, 1, 2, 3].some((entry) => boot[MBR_ENTRIES + entry * MBR_ENTRY_SIZE + 4] === 0xee);
}

function fromMbr(boot: Uint8Array, disk: TableDisk, { number, start }: PartitionPlace): string | undefined {
  const view = new DataView(boot.buffer, boot.byteOffset, boot.byteLength);
  const signature = view.getUint32(MBR_SIGNATURE, true);
  if (signature === 0) return undefined; // never set: every such disk would be the same one
  if (number <= 4) {
    const block = view.getUint32(MBR_ENTRIES + (number - 1) * MBR_ENTRY_SIZE + 8, true);
    if (block * disk.logicalBlockSize !== start * 512) return undefined;
  }
  return `${signature.toString(16).padStart(8, '0')}-${number.toString(16).padStart(2, '0')}`;
}

async function fromGpt(disk: TableDisk, place: PartitionPlace, block: number): Promise<string | undefined> {
  const header = await disk.read(block * disk.logicalBlockSize, 512);
  if (header === undefined || Buffer.from(header.subarray(0, 8)).toString('latin1') !== 'EFI PART')
    return undefined;
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const count = view.getUint32(GPT_ENTRY_COUNT, true);
  const size = view.getUint32(GPT_ENTRY_SIZE, true);
  if (place.number > count || size < 128 || size > 4096) return undefined;
  const table = Number(view.getBigUint64(GPT_ENTRIES_AT, true)) * disk.logicalBlockSize;
  const at = table + (place.number - 1) * size;
  const sector = Math.floor(at / 512) * 512;
  const around = await disk.read(sector, 1024);
  if (around === undefined) return undefined;
  const entry = around.subarray(at - sector, at - sector + 48);
  const first = Number(new DataView(entry.buffer, entry.byteOffset, 48).getBigUint64(32, true));
  return first * disk.logicalBlockSize === place.start * 512 ? guid(entry.subarray(16, 32)) : undefined;
}

/** Its first three fields are stored with the low byte first. */
function guid(raw: Uint8Array): string | undefined {
  if (raw.every((byte) => byte === 0)) return undefined;
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  const hex = Buffer.from(order.map((at) => raw[at] ?? 0)).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
