import * as Flags from '@oclif/core/flags';
import { parseAnswers } from '../src/cli/answers.js';
import type { CommandResult, Input } from '../src/cli/base-command.js';
import { ChangeCommand } from '../src/cli/change-command.js';
import { changeFlags, deviceFlag, spareArg } from '../src/cli/flags.js';
import { kernelLogFlags, kernelLogOf } from '../src/cli/list-flags.js';
import { renderDump } from '../src/cli/render/dump.js';
import { diagnosisText, draftText } from '../src/cli/render/repair.js';
import {
  appliedExitCode,
  appliedJson,
  appliedText,
  repairExitCode,
  repairJson,
  repairText,
} from '../src/cli/render/repair-result.js';
import { wizard } from '../src/cli/wizard.js';
import { applyPlan } from '../src/operations/repair/apply.js';
import { droppedTo } from '../src/operations/repair/dropped.js';
import { CAUTIOUS, decidedBefore, type Operator } from '../src/operations/repair/operator.js';
import { repairSpare } from '../src/operations/repair/repair.js';

type Parsed = Input<typeof Repair>['flags'];

export default class Repair extends ChangeCommand<typeof Repair> {
  static override summary = 'Repair a spare, and ask about all that only you can decide.';
  static override description =
    'Shows what is wrong, what the metadata can be repaired from, and what each answer keeps and loses. With --yes it asks nothing: it takes what counts or what is proven, and otherwise changes nothing (4).';
  static override args = { spare: spareArg };
  static override flags = {
    main: deviceFlag({ description: 'Main: its identity and data are compared.', helpValue: 'MAIN' }),
    ...kernelLogFlags,
    'from-dump': Flags.string({
      description: 'A json dump of this spare; - for standard input.',
      helpValue: 'FILE',
    }),
    candidate: Flags.string({ description: 'Begin with this candidate.', helpValue: 'ID' }),
    'accept-guess': Flags.boolean({ description: 'The candidate may be a guess.', dependsOn: ['candidate'] }),
    answer: Flags.string({
      description: 'The answer to one question.',
      helpValue: 'PROBLEM=CHOICE',
      multiple: true,
    }),
    plan: Flags.string({
      description: 'Write the plan to this file, and change nothing.',
      helpValue: 'FILE',
    }),
    overwrite: Flags.boolean({ description: 'Replace the plan file if it exists.', dependsOn: ['plan'] }),
    apply: Flags.string({
      description: 'Carry out a plan, if the metadata is still what it was made for; - for standard input.',
      helpValue: 'FILE',
      exclusive: ['main', 'kernel-log', 'from-dump', 'candidate', 'answer', 'plan'],
    }),
    ...changeFlags,
  };

  protected async execute({ args, flags }: Input<typeof Repair>): Promise<CommandResult> {
    if (flags.apply !== undefined) return this.apply(args.spare, flags.apply, flags);
    const { main, plan, 'from-dump': fromDump } = flags;
    const result = await repairSpare(args.spare, {
      ...(await this.changeOptions({ ...flags, 'dry-run': flags['dry-run'] || plan !== undefined })),
      main,
      kernelLog: kernelLogOf(flags),
      fromDump,
      plan: plan === undefined ? undefined : { path: plan, overwrite: flags.overwrite },
      operator: await this.operator(args.spare, flags),
      saveDropped: this.saveDropped,
    });
    if (result.change !== undefined) this.report(result.change);
    const line = {
      fromDump,
      kernelLog: flags['kernel-log'],
      logDevice: flags['log-device'],
      undoFile: flags['undo-file'],
      noUndo: flags['no-undo'],
    };
    const report = { result, line, planFile: plan };
    return {
      exitCode: repairExitCode(result),
      json: () => repairJson(report),
      text: (terminal) => repairText(report, terminal),
    };
  }

  private async apply(spare: string, file: string, flags: Parsed): Promise<CommandResult> {
    const applied = await applyPlan(spare, file, {
      ...(await this.changeOptions(flags)),
      saveDropped: this.saveDropped,
    });
    this.report(applied.change);
    return {
      exitCode: appliedExitCode(applied),
      json: () => appliedJson(applied),
      text: (terminal) => appliedText(spare, applied, terminal),
    };
  }

  /** The flags decide, then a person, if there is one and may be asked. */
  private async operator(spare: string, flags: Parsed): Promise<Operator> {
    const { stderr, isInteractive } = this.terminals;
    const say = (text: string) => this.show(text);
    const shownOnly = flags['dry-run'] || flags.plan !== undefined;
    const person = !flags.yes && (isInteractive || !shownOnly);
    const prompts = await this.prompts(false);
    const decides = person ? wizard({ prompts, terminal: stderr, say }) : CAUTIOUS;
    const decided = {
      candidate: flags.candidate,
      acceptGuess: flags['accept-guess'],
      answers: parseAnswers(flags.answer ?? []),
    };
    const consider: Operator['consider'] = (draft, diagnosis) => say(draftText(diagnosis, draft, stderr));
    const operator = decidedBefore(decided, { ...decides, consider }, (text) => this.warn(text));
    return {
      ...operator,
      start: (found, diagnosis) => {
        // what led here may have been a long search
        this.signal.throwIfAborted();
        say(diagnosisText(spare, diagnosis, stderr));
        return operator.start(found, diagnosis);
      },
    };
  }

  private readonly saveDropped = droppedTo((dump) => renderDump('json', dump, this.terminals.stdout));
}
