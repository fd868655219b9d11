/**
 * What Linux says of a disk's failed requests, in a text that holds such lines: dmesg, journalctl or a syslog
 * file, whatever stands before the message. The forms are those of Linux 4.x to 6.x:
 *
 *     blk_update_request: I/O error, dev sda, sector 2048
 *     print_req_error: critical medium error, dev sda, sector 2048 flags 0
 *     I/O error, dev sda, sector 2048 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 2
 *
 * The sector is of 512 bytes, of the whole disk, and the first that failed: how many more did is not said.
 */

import { SECTOR_SIZE } from '../units.js';
import { type BadList, illFormed, LeftOut, type ListedSectors, linesOf, sectorsAround } from './bad-list.js';

export interface KernelLog extends BadList {
  /** All the disks of which the log tells such errors. */
  readonly devices: readonly string[];
}

const FAILED_REQUEST = /\b([a-z][a-z/ ]{0,60}) error, dev ([^\s,]+), sector (.*)$/i;
const SECTOR_NUMBER = /^(\d{1,20})(?:[\s"']|$)(?:.*?op 0x[0-9a-f]+:\(([A-Z_]+)\))?(?:.*?phys_seg (\d+))?/;
const FAILED_BUFFER = /\bBuffer I\/O error on dev(?:ice)? ([^\s,]+), (?:logical )?block \d/;

const SECTOR = BigInt(SECTOR_SIZE);

/** The errors that a bad sector makes; others are of the cable, of the controller or of a command. */
const OF_THE_MEDIUM = /(?:^|\s)(?:I\/O|critical medium)$/i;

/**
 * The sectors of one disk that failed. Lines of anything else are passed over.
 *
 * @param device the kernel's name of the disk: sda
 * @throws DmremapError `usage` with data.line for a message that was cut or changed
 */
export function readKernelLog(text: string, device: string): KernelLog {
  const listed: ListedSectors[] = [];
  const leftOut = new LeftOut();
  const devices = new Set<string>();
  for (const [line, content] of linesOf(text)) {
    if (!content.includes(' error')) continue;
    const [, kind = '', dev = '', rest = ''] = FAILED_REQUEST.exec(content) ?? [];
    if (dev !== '') {
      devices.add(dev);
      if (dev !== device) continue;
      const [, sector, operation, segments] = SECTOR_NUMBER.exec(rest) ?? [];
      if (sector === undefined) throw illFormed(line, 'the message of a failed request has no sector number');
      const reason = notOfSectors(kind, operation, segments);
      if (reason === undefined) listed.push(sectorsAround(BigInt(sector) * SECTOR, SECTOR, line));
      else leftOut.add(reason);
    } else if (isOn(device, FAILED_BUFFER.exec(content)?.[1])) leftOut.add(UNKNOWN_BLOCKS);
  }
  return { listed, leftOut: leftOut.counts, devices: [...devices] };
}

/** Why a failed request tells nothing of sectors; undefined where it does. */
function notOfSectors(
  kind: string,
  operation: string | undefined,
  segments: string | undefined,
): string | undefined {
  if (!OF_THE_MEDIUM.test(kind)) return 'errors that are not of the medium';
  if (operation !== undefined && operation !== 'READ' && operation !== 'WRITE')
    return 'failed requests that neither read nor wrote';
  // a flush: it has no data, and its sector is 0 or the end of the disk
  if (segments === '0') return 'failed requests without data';
  return undefined;
}

/** They count in the blocks of a file system, whose size they do not say, from the partition's start on. */
const UNKNOWN_BLOCKS = 'buffer errors, which count in blocks of a size that they do not say';

/** A disk itself, or one of its partitions: sda1, nvme0n1p1. */
function isOn(disk: string, name: string | undefined): boolean {
  if (name === undefined || !name.startsWith(disk)) return false;
  return /^(p?\d+)?$/.test(name.slice(disk.length));
}
