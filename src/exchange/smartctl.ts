/**
 * What smartctl(8) of smartmontools prints of a drive's own logs, as text or as JSON (-j): self-tests that found
 * a sector unreadable (-l selftest, xselftest), errors of commands (-l error, xerror), pending defects (-l
 * defects). They count in logical blocks of the drive.
 */
import { type BadList, illFormed, linesOf } from './bad-list.js';
import { LoggedBlocks } from './logged-blocks.js';
import { readSmartctlJson } from './smartctl-json.js';

/**
 * @param blockSize the size of a logical block where the text does not say it, in bytes
 * @throws DmremapError `usage` with data.line
 */
export function readSmartctl(text: string, blockSize: number): BadList {
  const found = text.trimStart().startsWith('{') ? readSmartctlJson(text) : readText(text);
  return found.list(blockSize);
}

function readText(text: string): LoggedBlocks {
  const found = new LoggedBlocks();
  let isPending = false;
  for (const [line, content] of linesOf(text)) {
    found.blockSize ??= statedSize(content);
    found.hasLog ||= ANY_LOG.test(content);
    isPending = PENDING.test(content) || (isPending && content.trim() !== '');
    const block = (isPending ? PENDING_ROW : undefined)?.exec(content)?.[1] ?? selfTestBlock(line, content);
    if (block !== undefined) found.add(line, BigInt(block));
    const error = /\b(Error: [A-Z].*)$/.exec(content)?.[1];
    if (error !== undefined) found.addError(line, error);
  }
  return found;
}

const ANY_LOG =
  /^SMART (Extended )?Self-test (log|Log)|^SMART Error Log|^SMART Extended Comprehensive Error Log|^Pending Defects log|^Self-test Log \(NVMe/;
const PENDING = /^Pending Defects log/;
const PENDING_ROW = /^\s*\d+\s+(\d{1,20})\s+(?:\d+|-)\s*$/;
const STATED_SIZE =
  /^(?:Sector Sizes?:\s*(\d+) bytes logical|Logical block size:\s*(\d+) bytes|Namespace \d+ Formatted LBA Size:\s*(\d+))/;

function statedSize(content: string): number | undefined {
  const [, ...sizes] = STATED_SIZE.exec(content) ?? [];
  const size = sizes.find((text) => text !== undefined);
  return size === undefined ? undefined : Number(size);
}

/** The end of the row of a failed self-test, behind its status; the block is the first group. */
const FAILURES: readonly (readonly [row: RegExp, rest: RegExp])[] = [
  // ATA: "# 1  Extended offline    Completed: read failure       90%     12345         1234567"
  [/^#\s*\d+\s.*\bCompleted: read failure\s(.*)$/, /^\s*\d+%\s+\d+\s+(\d{1,20}|-)\s*$/],
  // SCSI, whose sense key 3 is an error of the medium:
  // "# 1  Background long   Failed in segment -->       3    1234           123456 [0x3 0x11 0x0]"
  [/^#\s*\d+\s.*\bFailed in segment -->\s(.*\[0x3\s.*)$/, /^\s*\S+\s+\d+\s+(\d{1,20}|-)\s+\[0x3\s/],
  // NVMe: " 0   Extended          Completed: failed segments              1234   123456789     1   2 0x2 0x81"
  [/^\s*\d+\s.*\bCompleted: failed segments\s(.*)$/, /^\s*\d+\s+(\d{1,20}|-)(?:\s|$)/],
];

/** The block at which a self-test found the medium unreadable, where it says one. */
function selfTestBlock(line: number, content: string): string | undefined {
  for (const [row, end] of FAILURES) {
    const rest = row.exec(content)?.[1];
    if (rest === undefined) continue;
    const block = end.exec(rest)?.[1];
    if (block === undefined) throw illFormed(line, 'the row of a failed self-test has no block');
    return block === '-' ? undefined : block;
  }
  return undefined;
}
