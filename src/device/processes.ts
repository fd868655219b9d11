/** Looks at other processes through /proc: slow (every descriptor of every process), so only to name a culprit. */
import { readlinkSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { formatDeviceNumber, namesIn, type Roots, readText } from './sysfs.js';

/** A descriptor that some process has open. */
export interface OpenDescriptor {
  readonly pid: number;
  /** What /proc/PID/fdinfo/FD says. */
  readonly info: string;
  /** /proc/PID/fd/FD */
  readonly link: string;
}

/** Every descriptor that this user may look at, of every process or of one; those of others are left out in silence. */
export function* openDescriptors(roots: Roots, of?: number): Generator<OpenDescriptor> {
  for (const pid of of === undefined ? namesIn(roots.proc) : [String(of)]) {
    if (!/^\d+$/.test(pid)) continue;
    for (const fd of namesIn(join(roots.proc, pid, 'fdinfo'))) {
      const info = readText(join(roots.proc, pid, 'fdinfo', fd));
      if (info !== undefined) yield { pid: Number(pid), info, link: join(roots.proc, pid, 'fd', fd) };
    }
  }
}

/** The processes that have one of these block devices ("MAJ:MIN") open. */
export function processesWithDevice(deviceNumbers: readonly string[], roots: Roots): number[] {
  const pids = new Set<number>();
  for (const { pid, link } of openDescriptors(roots)) {
    try {
      // Only what lies in /dev is looked at closer: asking a dead network file system would never return.
      if (!readlinkSync(link).startsWith(`${roots.dev}/`)) continue;
      const stats = statSync(link, { bigint: true });
      if (stats.isBlockDevice() && deviceNumbers.includes(formatDeviceNumber(stats.rdev))) pids.add(pid);
    } catch {
      // gone meanwhile, or not ours to see
    }
  }
  return [...pids];
}

/** "process 1234 (dmremap serve)"; only the number where the process is gone. */
export function processName(pid: number, roots: Roots): string {
  const command = commandOf(pid, roots);
  return command === undefined ? `process ${pid}` : `process ${pid} (${command})`;
}

/** Program and subcommand, without the interpreter in front and without anything that could upset a terminal. */
function commandOf(pid: number, roots: Roots): string | undefined {
  const words = (readText(join(roots.proc, String(pid), 'cmdline')) ?? '')
    .split('\0')
    .filter((word) => word !== '');
  if (words.length === 0) return printable(readText(join(roots.proc, String(pid), 'comm')) ?? '');
  if (basename(words[0] ?? '') === 'node') {
    words.shift();
    while (words.length > 1 && words[0]?.startsWith('-')) words.shift();
  }
  const program = words[0] ?? 'node';
  const name = /\/bin\/(run|dev)\.js$/.test(program) ? 'dmremap' : basename(program, '.js');
  const subcommand = words[1] !== undefined && /^[a-z][a-z-]*$/.test(words[1]) ? [words[1]] : [];
  return printable([name, ...subcommand].join(' '));
}

function printable(text: string): string | undefined {
  const clean = text.replace(/[^\x20-\x7e]/g, '?').slice(0, 60);
  return clean === '' ? undefined : clean;
}
