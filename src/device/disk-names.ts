/** What a whole disk says of itself in sysfs: world-wide name, model, serial number. No disk is opened. */
import { basename, dirname, join } from 'node:path';
import {
  type BlockNode,
  type Roots,
  readBytes,
  readKeys,
  readNumber,
  readText,
  realFolder,
} from './sysfs.js';

export interface DiskNames {
  /** As after `wwn-` in /dev/disk/by-id: 0x5000c500a1b2c3d4, eui.0025385b71b0c1d2. */
  readonly wwn: string | undefined;
  readonly model: string | undefined;
  /** The maker's serial number, bare. */
  readonly serial: string | undefined;
  /**
   * Model, serial number and what tells several disks with one serial number apart (namespace, unit), joined as
   * udev does in /dev/disk/by-id: two makers may well have counted to the same number.
   */
  readonly serialName: string | undefined;
}

/** Names of a whole disk; everything is undefined for loop devices and others that have none. */
export function diskNames(disk: BlockNode, roots: Roots): DiskNames {
  const device = join(disk.folder, 'device');
  const wwid = readText(join(disk.folder, 'wwid')) ?? readText(join(device, 'wwid'));
  const model = text(join(device, 'model')) ?? text(join(device, 'name'));
  const own =
    text(join(disk.folder, 'serial')) ??
    text(join(device, 'serial')) ??
    vpdSerial(readBytes(join(device, 'vpd_pg80'))) ??
    t10Serial(wwid);
  const usb = own === undefined ? usbSerial(device) : undefined;
  const udev = udevKeys(disk.number, roots);
  const serial = meaningful(own ?? usb?.serial);
  const wwn = wwnOf(wwid) ?? vpdName(readBytes(join(device, 'vpd_pg83')));
  const parts = [usb?.maker, model, serial].filter((part) => part !== undefined);
  const serialName = serial === undefined ? undefined : `${underscored(parts.join('_'))}${unit(disk, usb)}`;
  if (wwn !== undefined || serialName !== undefined) return { wwn, model, serial, serialName };
  // Only where sysfs knows nothing, so that the same disk is called the same without udev, in an initramfs say.
  return {
    wwn: udev.get('ID_WWN_WITH_EXTENSION') ?? udev.get('ID_WWN'),
    model: model ?? udev.get('ID_MODEL'),
    serial: udev.get('ID_SERIAL_SHORT'),
    serialName: udev.get('ID_SERIAL'),
  };
}

/** What udev has stored about a device; nothing where there is no udev. */
export function udevKeys(number: string, roots: Roots): Map<string, string> {
  const keys = new Map<string, string>();
  for (const [key, value] of readKeys(join(roots.udev, 'data', `b${number}`))) {
    if (key.startsWith('E:')) keys.set(key.slice(2), value);
  }
  return keys;
}

/**
 * The kernel's wwid as a world-wide name: "naa.5000c5…" is written 0x5000c5…, EUI-64 and UUID names of NVMe
 * keep their prefix. "t10.…" and "nvme.…" are made of model and serial number and are none.
 */
export function wwnOf(wwid: string | undefined): string | undefined {
  const naa = /^naa\.([0-9a-f]{16}|[0-9a-f]{32})$/i.exec(wwid ?? '');
  if (naa?.[1] !== undefined) return /^0+$/.test(naa[1]) ? undefined : `0x${naa[1].toLowerCase()}`;
  const other = /^(eui|uuid)\.([0-9a-f-]+)$/i.exec(wwid ?? '');
  return other?.[2] === undefined || /^[0-]+$/.test(other[2]) ? undefined : (wwid ?? '').toLowerCase();
}

/** The serial number in page 0x80 of a SCSI disk's vital product data. */
export function vpdSerial(page: Uint8Array | undefined): string | undefined {
  if (page === undefined || page.length < 4 || page[1] !== 0x80) return undefined;
  return printable(
    Buffer.from(page.subarray(4, 4 + ((page[2] ?? 0) << 8) + (page[3] ?? 0))).toString('latin1'),
  );
}

/** The world-wide name in page 0x83, for kernels that make no wwid of it: NAA before EUI-64, the longest first. */
export function vpdName(page: Uint8Array | undefined): string | undefined {
  if (page === undefined || page[1] !== 0x83) return undefined;
  const names: { readonly rank: number; readonly wwn: string }[] = [];
  for (let at = 4; at + 4 <= page.length; at += 4 + (page[at + 3] ?? 0)) {
    const type = (page[at + 1] ?? 0) & 0x0f;
    const ofTheUnit = ((page[at + 1] ?? 0) & 0x30) === 0; // not of its port or target
    const hex = Buffer.from(page.subarray(at + 4, at + 4 + (page[at + 3] ?? 0))).toString('hex');
    const wwn =
      ofTheUnit && (type === 3 || type === 2) ? wwnOf(`${type === 3 ? 'naa' : 'eui'}.${hex}`) : undefined;
    if (wwn !== undefined) names.push({ rank: (type === 3 ? 100 : 0) + hex.length, wwn });
  }
  return names.sort((a, b) => b.rank - a.rank)[0]?.wwn;
}

/** "t10.ATA     ST3500418AS                             9VM0ABCD": the last word. */
function t10Serial(wwid: string | undefined): string | undefined {
  const words = /^t10\.ATA\s/.test(wwid ?? '') ? (wwid ?? '').split(/\s+/) : [];
  return words.length >= 3 ? printable(words.at(-1) ?? '') : undefined;
}

interface UsbNames {
  readonly serial: string;
  readonly maker: string | undefined;
}

/** The serial number of the USB device that a disk belongs to: some folders up, where idVendor lies. */
function usbSerial(device: string): UsbNames | undefined {
  let folder = realFolder(device);
  for (let depth = 0; folder !== undefined && depth < 8; depth++) {
    if (readText(join(folder, 'idVendor')) !== undefined) {
      const serial = text(join(folder, 'serial'));
      return serial === undefined ? undefined : { serial, maker: text(join(device, 'vendor')) };
    }
    folder = dirname(folder) === folder ? undefined : dirname(folder);
  }
  return undefined;
}

/** What follows the serial number where several disks share it. */
function unit(disk: BlockNode, usb: UsbNames | undefined): string {
  const namespace = readNumber(join(disk.folder, 'nsid'));
  if (namespace !== undefined) return `_${namespace}`;
  const area = /^mmcblk\d+(boot\d+|gp\d+|rpmb)$/.exec(disk.name);
  if (area?.[1] !== undefined) return `_${area[1]}`;
  if (usb === undefined) return '';
  // Card readers: the last number of the SCSI address host:channel:target:unit.
  const address = basename(realFolder(join(disk.folder, 'device')) ?? '');
  return `-0:${/:(\d+)$/.exec(address)?.[1] ?? '0'}`;
}

/** A serial number of zeros or blanks is what cheap bridges say instead of none. */
function meaningful(serial: string | undefined): string | undefined {
  return serial === undefined || /^[0\s]*$/.test(serial) ? undefined : serial;
}

function text(path: string): string | undefined {
  const found = readText(path);
  return found === undefined ? undefined : printable(found);
}

function printable(raw: string): string | undefined {
  const clean = raw.replace(/[^\x20-\x7e]/g, ' ').trim();
  return clean === '' ? undefined : clean;
}

function underscored(name: string): string {
  return name.trim().replace(/\s+/g, '_');
}
