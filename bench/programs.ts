import { join } from 'node:path';
import { PROJECT } from '../test/support/project.js';
import type { Command } from './command.js';

const NODE = process.execPath;

/** What Node itself costs. */
export const bareNode: Command = { program: NODE, args: ['-e', '0'] };

export function fsck(...args: readonly string[]): Command {
  return { program: NODE, args: [join(PROJECT, 'bin', 'fsck.dmremap3.js'), ...args] };
}

export function dmremap(...args: readonly string[]): Command {
  return { program: NODE, args: [join(PROJECT, 'bin', 'run.js'), ...args] };
}

/** A check that only reads, by either program. */
export function checksOf(image: string): readonly { readonly name: string; readonly command: Command }[] {
  return [
    { name: 'fsck.dmremap3 -n', command: fsck('-n', image) },
    { name: 'dmremap check -n', command: dmremap('check', '-n', image) },
  ];
}
