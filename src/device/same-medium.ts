/** Whether two devices share bytes, or share a disk and its fate. */
import { join } from 'node:path';
import { SECTOR_SIZE } from '../units.js';
import { diskNames } from './disk-names.js';
import { backingFile } from './holders.js';
import { blockNumberOf, mounts } from './mounts.js';
import {
  type BlockNode,
  blockNode,
  blockNodeIn,
  blockNodeNamed,
  formatDeviceNumber,
  namesIn,
  type Roots,
  readNumber,
  statOf,
  withRoots,
} from './sysfs.js';

/** What is compared: a FileDevice is one. */
export interface Medium {
  readonly realPath: string;
  readonly deviceNumber: string | undefined;
  readonly dev: bigint;
  readonly ino: bigint;
}

/** How the first lies to the second: the very same bytes, a part of it, something that contains it, or neither. */
export type MediumRelation = 'same' | 'inside' | 'around' | 'apart';

/** A stretch of bytes. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** Something that a device lies on, and where on it; unknown below device-mapper and md, which scatter. */
interface Layer {
  readonly key: string;
  readonly span: Span | undefined;
}

/** Loop devices on file systems on loop devices: nobody goes deeper on purpose. */
const MAX_DEPTH = 16;

const WHOLE: Span = { from: 0, to: Number.POSITIVE_INFINITY };

/**
 * How device `a` lies to device `b`, through partitions, device-mapper, md, loop devices and the paths of one
 * multipath disk (known by its world-wide name). Two different parts of one device lie apart.
 */
export function mediumRelation(a: Medium, b: Medium, roots?: Partial<Roots>): MediumRelation {
  const all = withRoots(roots);
  const [first, second] = [layers(a, all), layers(b, all)];
  const [topOfA, topOfB] = [first[0], second[0]];
  if (topOfA === undefined || topOfB === undefined) return 'apart';
  if (topOfA.key === topOfB.key) return 'same';
  if (first.some(({ key }) => key === topOfB.key)) return 'inside';
  if (second.some(({ key }) => key === topOfA.key)) return 'around';
  // Two partitions, or two loop devices over one file: side by side, unless their stretches overlap.
  const overlap = first.some((one) =>
    second.some((other) => one.key === other.key && overlaps(one.span, other.span)),
  );
  return overlap ? 'same' : 'apart';
}

function overlaps(a: Span | undefined, b: Span | undefined): boolean {
  return a !== undefined && b !== undefined && a.from < b.to && b.from < a.to;
}

/** Whether one is equal to, inside or around the other: such a pair is never main and spare. */
export function sameMedium(a: Medium, b: Medium, roots?: Partial<Roots>): boolean {
  return mediumRelation(a, b, roots) !== 'apart';
}

/** Whether both lie, at least in part, on one disk, images included: legal, but they may die together. */
export function samePhysicalDisk(a: Medium, b: Medium, roots?: Partial<Roots>): boolean {
  const all = withRoots(roots);
  const ofA = new Set(disks(a, all));
  return disks(b, all).some((key) => ofA.has(key));
}

/** The device itself first, then everything that it is made of, down to whole disks and image files. */
function layers(medium: Medium, roots: Roots): Layer[] {
  if (medium.deviceNumber === undefined) return [{ key: fileKey(medium), span: WHOLE }];
  const node = blockNode(medium.deviceNumber, roots);
  if (node === undefined) return [{ key: medium.deviceNumber, span: WHOLE }];
  return nodeLayers(node, WHOLE, roots, new Set());
}

/** `span`: the part of this node that is asked about. */
function nodeLayers(node: BlockNode, span: Span | undefined, roots: Roots, seen: Set<string>): Layer[] {
  if (seen.has(node.number)) return [];
  seen.add(node.number);
  const found: Layer[] = [{ key: nodeKey(node, roots), span }];
  const length = (readNumber(join(node.folder, 'size')) ?? 0) * SECTOR_SIZE;
  const disk = node.partition === undefined ? undefined : blockNodeIn(node.disk);
  if (disk !== undefined) {
    const start = (readNumber(join(node.folder, 'start')) ?? 0) * SECTOR_SIZE;
    found.push(...nodeLayers(disk, moved(span, start, length), roots, seen));
  }
  for (const slave of slavesOf(node, roots)) found.push(...nodeLayers(slave, undefined, roots, seen));
  const behind = backingFile(node.number, roots);
  if (behind !== undefined) {
    const below = moved(span, readNumber(join(node.folder, 'loop/offset')) ?? 0, length);
    const number = blockNumberOf(behind.path, roots);
    const lower = number === undefined ? undefined : blockNode(number, roots);
    if (lower === undefined) found.push({ key: fileKey(behind), span: below });
    else found.push(...nodeLayers(lower, below, roots, seen));
  }
  return found;
}

/** A stretch of something that begins at byte `start` of what lies below, and has this length there. */
function moved(span: Span | undefined, start: number, length: number): Span | undefined {
  return span === undefined ? undefined : { from: start + span.from, to: start + Math.min(span.to, length) };
}

function slavesOf(node: BlockNode, roots: Roots): BlockNode[] {
  return namesIn(join(node.folder, 'slaves')).flatMap((name) => blockNodeNamed(name, roots) ?? []);
}

/** The same for all paths of a multipath disk. */
function nodeKey(node: BlockNode, roots: Roots): string {
  if (node.partition === undefined) {
    const { wwn } = diskNames(node, roots);
    return wwn === undefined ? node.number : `wwn:${wwn}`;
  }
  const disk = blockNodeIn(node.disk);
  return disk === undefined ? node.number : `${nodeKey(disk, roots)} partition ${node.partition}`;
}

function fileKey({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `file ${dev}:${ino}`;
}

/** Keys of everything that a device lies on; files, also those behind loop devices, are followed to their disks. */
function disks(medium: Medium, roots: Roots, depth = 0): string[] {
  if (depth > MAX_DEPTH) return [];
  const node = medium.deviceNumber === undefined ? undefined : blockNode(medium.deviceNumber, roots);
  if (node !== undefined) {
    return [
      ...nodeLayers(node, WHOLE, roots, new Set()).map(({ key }) => key),
      ...imagesBelow(node, roots, new Set()).flatMap((image) => disks(image, roots, depth + 1)),
    ];
  }
  const deviceNumber = medium.deviceNumber === undefined ? fileSystemNumber(medium, roots) : undefined;
  return deviceNumber === undefined ? [] : disks({ ...medium, deviceNumber }, roots, depth + 1);
}

/** Image files behind loop devices anywhere below a device. */
function imagesBelow(node: BlockNode, roots: Roots, seen: Set<string>): Medium[] {
  if (seen.has(node.number)) return [];
  seen.add(node.number);
  const behind = backingFile(node.number, roots);
  const own = behind === undefined ? [] : [{ ...behind, realPath: behind.path, deviceNumber: undefined }];
  const disk = node.partition === undefined ? undefined : blockNodeIn(node.disk);
  const below = [...(disk === undefined ? [] : [disk]), ...slavesOf(node, roots)];
  return [...own, ...below.flatMap((one) => imagesBelow(one, roots, seen))];
}

/** The block device that the file system of a file lies on; btrfs has to be found by its mount. */
function fileSystemNumber(file: Medium, roots: Roots): string | undefined {
  const number = formatDeviceNumber(statOf(file.realPath)?.dev ?? file.dev);
  if (!number.startsWith('0:')) return number;
  const holding = mounts(roots)
    .filter(({ point }) => file.realPath.startsWith(point === '/' ? '/' : `${point}/`))
    .sort((a, b) => b.point.length - a.point.length)[0];
  return holding === undefined ? undefined : blockNumberOf(holding.source, roots);
}
