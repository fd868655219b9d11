import type { CreateResult } from '../../operations/create.js';
import { formatSectors } from './text.js';

/** What was made, and how it is named from now on. */
export function createText(result: CreateResult): string {
  if (!result.applied) return '';
  const { layout, maxEntries, dataSectors, mainSize, setUuid } = result;
  const lines = [
    `${result.plan.device.path}: a ${layout} set for up to ${maxEntries} remaps, ${dataSectors} data sectors`,
    `main: ${formatSectors(mainSize)}${result.mainId === '' ? ', without an identity: name it with --main' : `, ${result.mainId}`}`,
  ];
  if (setUuid !== undefined) lines.push(`set: SET=${setUuid}`);
  return `${lines.join('\n')}\n`;
}
