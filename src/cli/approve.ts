import { type Approve, type ChangePlan, type PlannedDevice, stepsOf } from '../operations/change.js';
import type { Prompts } from './prompts.js';
import { keyValueTable } from './render/table.js';
import { formatSize } from './render/text.js';
import type { Terminal } from './terminal.js';

export interface ApproveOptions {
  readonly dryRun: boolean;
  readonly prompts: Prompts;
  readonly terminal: Terminal;
  /** Both write to standard error, where everything that is shown before a question goes. */
  readonly say: (text: string) => void;
  readonly warn: (text: string) => void;
}

/** Shows what a command is about to do and to which device, and asks. */
export function approval({ dryRun, prompts, terminal, say, warn }: ApproveOptions): Approve {
  return async (plan, undoFile) => {
    say(planText(plan, undoFile, terminal));
    for (const warning of plan.warnings) warn(warning);
    if (dryRun) return false;
    if (plan.destroys) {
      const { kernelName } = plan.main ?? plan.device;
      await prompts.typeToConfirm(`Type ${kernelName} to go on:`, kernelName);
    } else {
      await prompts.confirm('Go on?');
    }
    return true;
  };
}

/** Device, content before and after, and the steps, as people read them. */
export function planText(plan: ChangePlan, undoFile: string | undefined, terminal: Terminal): string {
  const { device, main, before, after, beside } = plan;
  const rows = deviceRows('device', device);
  if (main !== undefined) rows.push(...deviceRows('main', main));
  rows.push(['holds', before], ['will hold', after]);
  if (beside !== undefined)
    rows.push(...deviceRows(beside.as, beside.device), ['holds', beside.before], ['will hold', beside.after]);
  for (const step of stepsOf(plan)) rows.push(['step', step]);
  rows.push(['undo file', undoFile ?? 'none: what is overwritten is not saved']);
  return keyValueTable(rows, terminal);
}

function deviceRows(label: string, { identity, path, size }: PlannedDevice): [string, string][] {
  const model = [identity.model, identity.serial].filter((part) => part !== undefined).join(' ');
  const rows: [string, string][] = [
    [label, identity.byIdPath === undefined ? path : `${path} (${identity.byIdPath})`],
    ['size', formatSize(size)],
  ];
  if (model !== '') rows.push(['model', model]);
  return rows;
}
