/** How the tools that know a filesystem are asked, and what is said where they do not answer. */
import { runTool, type ToolOptions } from '../../device/tool.js';
import { nobody, type Owner } from '../../exchange/owners/owner.js';
import type { Volume } from '../volumes.js';

/** What a tool said; where it did not run to its end, why. */
export interface Answer {
  readonly output: string;
  readonly failure?: string;
}

export type Ask = (
  program: string,
  args: readonly string[],
  encoding?: ToolOptions['encoding'],
) => Promise<Answer>;

/** Owners of sectors of one volume, by sector of main. */
export type Tell = (
  ask: Ask,
  volume: Volume,
  sectors: readonly number[],
) => Promise<(sector: number) => Owner>;

/** Milliseconds. debugfs and xfs_db walk all of a filesystem, which takes minutes on a large disk. */
const LONGEST = 30 * 60_000;

/** Asks a tool, and waits for half an hour at most. */
export const askTool: Ask = async (program, args, encoding) => {
  const { output, failure } = await runTool(program, args, { timeout: LONGEST, encoding });
  if (failure === 'missing') return { output, failure: `${program} is not installed` };
  if (failure === 'late') return { output, failure: `${program} gave no answer within half an hour` };
  return { output };
};

/** What a tool is told that cannot open the filesystem. */
export function unopened(program: string, { failure }: Answer): Owner {
  return nobody(failure ?? `${program} cannot open the filesystem`);
}

/** debugfs alone opens a part of a file. */
export function inImage({ path }: Volume): Owner {
  return nobody(
    `not asked, since it is in a partition of an image file: name with --main what this prints: losetup --read-only --find --show --partscan ${path}`,
  );
}
