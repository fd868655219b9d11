import type { Command } from '@oclif/core/command';
import { type ChangeOptions, type ChangeResult, stepsOf } from '../operations/change.js';
import { approval } from './approve.js';
import { BaseCommand } from './base-command.js';
import { unixNow } from './clock.js';
import type { JsonObject } from './render/json.js';
import type { OnSignal } from './signals.js';

/** The flags of cli.md, “Changing”, as a changing command has parsed them. */
export interface ChangeFlags {
  readonly yes: boolean;
  readonly 'dry-run': boolean;
  readonly 'undo-file'?: string | undefined;
  readonly 'no-undo': boolean;
}

/** Base of the commands that write to a device: they show a plan, ask, save an undo file, write and verify. */
export abstract class ChangeCommand<T extends typeof Command> extends BaseCommand<T> {
  /** A write that has begun is finished: half a commit is what all of this is there to avoid. */
  static override onSignal: OnSignal = 'abort';

  protected async changeOptions(flags: ChangeFlags): Promise<ChangeOptions> {
    return {
      now: unixNow(),
      undo: { file: flags['undo-file'], none: flags['no-undo'] },
      approve: approval({
        dryRun: flags['dry-run'],
        prompts: await this.prompts(flags.yes),
        terminal: this.terminals.stderr,
        say: (text) => this.show(`${text}\n`),
        warn: (text) => this.warn(text),
      }),
    };
  }

  /** What every change says at its end. */
  protected report(result: ChangeResult): void {
    for (const warning of result.warnings) this.warn(warning);
    if (!result.applied && stepsOf(result.plan).length > 0) this.note('dry run: nothing was written');
    else if (result.undoFile !== undefined) this.note(`what was overwritten is saved in ${result.undoFile}`);
  }
}

export function changeJson({ plan, applied, undoFile }: ChangeResult): JsonObject {
  return {
    device: plan.device.path,
    applied,
    undo_file: undoFile ?? null,
    before: plan.before,
    after: plan.after,
    steps: [...stepsOf(plan)],
  };
}
