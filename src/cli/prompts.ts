/**
 * Questions to the user, on standard error, so that standard output stays clean for results. inquirer is
 * loaded at the first question. On a dumb terminal, which cannot move its cursor, plain lines are read.
 */
import { createInterface } from 'node:readline/promises';
import { DmremapError } from '../errors.js';
import { noteHangUp } from './leave.js';
import type { Terminals } from './terminal.js';

export interface Choice<V> {
  readonly name: string;
  readonly value: V;
  /** Shown below the list while this choice is marked. */
  readonly description?: string;
}

/** Every method throws `cancelled` when the user leaves, and `no-terminal` when nobody can be asked. */
export interface Prompts {
  /** Returns when the answer is yes; a no is `cancelled`. Enter alone is a no. */
  confirm(question: string): Promise<void>;
  /** For questions where both answers lead on. Enter alone is a no. */
  ask(question: string): Promise<boolean>;
  /** Returns when the expected word, the kernel name of a device, has been typed. */
  typeToConfirm(question: string, expected: string): Promise<void>;
  /** One of several, none of them marked as the answer of --yes: with --yes there is nothing to choose. */
  choose<V>(question: string, choices: readonly Choice<V>[]): Promise<V>;
}

export interface PromptOptions {
  readonly terminals: Terminals;
  /** --yes: `confirm`, `ask` and `typeToConfirm` succeed without asking. */
  readonly assumeYes: boolean;
  /** The flag that answers in advance, for the message where nobody can be asked. */
  readonly flag?: string;
  /** Raised by a signal; the question is then taken back. */
  readonly signal?: AbortSignal;
  /** Called before a question is shown: nothing else may be written to its line from then on. */
  readonly before?: () => void;
}

const TRIES = 3;

export function createPrompts(options: PromptOptions): Prompts {
  const { assumeYes } = options;
  const ask = async (question: string) => {
    options.signal?.throwIfAborted();
    return assumeYes || (await yesOrNo(question, options));
  };
  return {
    ask,
    confirm: async (question) => {
      if (!(await ask(question))) {
        throw new DmremapError('cancelled', 'cancelled: nothing was done');
      }
    },
    typeToConfirm: async (question, expected) => {
      options.signal?.throwIfAborted();
      for (let tries = 0; !assumeYes && tries < TRIES; tries++) {
        const message = tries === 0 ? question : `That is not ${expected}. ${question}`;
        if ((await typedText(message, options)).trim() === expected) {
          return;
        }
      }
      if (!assumeYes) {
        throw new DmremapError('cancelled', `cancelled: ${expected} was not typed, nothing was done`);
      }
    },
    choose: (question, choices) => chosen(question, choices, options),
  };
}

async function yesOrNo(question: string, options: PromptOptions): Promise<boolean> {
  if (options.terminals.isDumb) {
    return /^y(es)?$/i.test((await plainLine(`${question} (y/N) `, options)).trim());
  }
  return withInquirer(question, options, async ({ prompt, theme }) => {
    const { answer } = await prompt([
      { type: 'confirm', name: 'answer', message: question, default: false, theme },
    ]);
    return Boolean(answer);
  });
}

async function typedText(question: string, options: PromptOptions): Promise<string> {
  if (options.terminals.isDumb) {
    return plainLine(`${question} `, options);
  }
  return withInquirer(question, options, async ({ prompt, theme }) => {
    const { answer } = await prompt([{ type: 'input', name: 'answer', message: question, theme }]);
    return String(answer);
  });
}

async function chosen<V>(
  question: string,
  choices: readonly Choice<V>[],
  options: PromptOptions,
): Promise<V> {
  const index = options.terminals.isDumb
    ? await chosenByNumber(question, choices, options)
    : await withInquirer(question, options, async ({ prompt, theme }) => {
        const listed = choices.map(({ name, description }, value) => ({
          name,
          value,
          ...(description === undefined ? {} : { description }),
        }));
        const question_ = {
          type: 'select',
          name: 'answer',
          message: question,
          choices: listed,
          loop: false,
          theme,
        };
        const { answer } = await prompt([question_]);
        return Number(answer);
      });
  const choice = choices[index];
  if (choice === undefined) {
    throw cancelled();
  }
  return choice.value;
}

async function chosenByNumber(
  question: string,
  choices: readonly Choice<unknown>[],
  options: PromptOptions,
): Promise<number> {
  const list = choices.map(({ name }, index) => `  ${index + 1}  ${name}\n`).join('');
  return Number(await plainLine(`${question}\n${list}Number: `, options)) - 1;
}

function requireTerminal(question: string, options: PromptOptions): void {
  if (!options.terminals.isInteractive) {
    const flag = options.flag ?? '--yes';
    throw new DmremapError('no-terminal', `there is no terminal to ask on: ${question}`, {
      hint: `Run it on a terminal, or answer in advance with ${flag}.`,
      data: { flag },
    });
  }
}

function cancelled(cause?: unknown): DmremapError {
  return new DmremapError('cancelled', 'cancelled at a question: nothing was done', { cause });
}

type Prompt = (questions: readonly object[]) => Promise<{ readonly [name: string]: unknown }>;

interface Asker {
  readonly prompt: Prompt;
  readonly theme: object;
}

/** Asks with inquirer, and gives up when a key, the end of input or a signal says so. */
async function withInquirer<V>(
  question: string,
  options: PromptOptions,
  ask: (asker: Asker) => Promise<V>,
): Promise<V> {
  requireTerminal(question, options);
  options.before?.();
  const { stderr } = options.terminals;
  const inquirer = await loadInquirer(stderr.color);
  const leaving = new AbortController();
  const give = () => leaving.abort(cancelled());
  // inquirer itself answers only Ctrl-C: it ignores Escape, and after Ctrl-D it waits for ever.
  const onKey = (_: string, key: { readonly name?: string; readonly ctrl?: boolean } | undefined) => {
    if (key?.name === 'escape' || (key?.ctrl && key.name === 'd')) {
      give();
    }
  };
  const onEnd = () => {
    noteHangUp();
    give();
  };
  const onSignal = () => leaving.abort(options.signal?.reason);
  const left = new Promise<never>((_, reject) => {
    leaving.signal.addEventListener('abort', () => {
      // readline is about to restore the terminal; where that is gone, its listener would throw into nowhere.
      process.stdin.removeAllListeners('error').on('error', () => {});
      reject(leaving.signal.reason);
    });
  });
  options.signal?.addEventListener('abort', onSignal);
  process.stdin.on('keypress', onKey).on('end', onEnd).on('error', onEnd);
  try {
    options.signal?.throwIfAborted();
    const module = inquirer.createPromptModule({
      input: process.stdin,
      output: process.stderr,
      signal: leaving.signal,
    });
    const asker: Asker = { prompt: module as unknown as Prompt, theme: themeFor(stderr.unicode) };
    return await Promise.race([ask(asker), left]);
  } catch (thrown) {
    if (leaving.signal.aborted) {
      throw leaving.signal.reason;
    }
    throw thrown instanceof Error && thrown.name === 'ExitPromptError' ? cancelled(thrown) : thrown;
  } finally {
    options.signal?.removeEventListener('abort', onSignal);
    process.stdin.off('keypress', onKey).off('end', onEnd).off('error', onEnd);
  }
}

/** inquirer decides on colour once, while it loads, and by the environment only. */
async function loadInquirer(isColored: boolean): Promise<typeof import('inquirer').default> {
  const before = process.env['NO_COLOR'];
  if (!isColored) {
    process.env['NO_COLOR'] = '1';
  }
  try {
    return (await import('inquirer')).default;
  } finally {
    if (before === undefined) {
      delete process.env['NO_COLOR'];
    } else {
      process.env['NO_COLOR'] = before;
    }
  }
}

function themeFor(isUnicode: boolean): object {
  const keysHelpTip = () => 'arrow keys move, Enter chooses, Escape cancels';
  if (isUnicode) {
    return { style: { keysHelpTip } };
  }
  return { prefix: { idle: '?', done: '*' }, icon: { cursor: '>' }, style: { keysHelpTip } };
}

async function plainLine(question: string, options: PromptOptions): Promise<string> {
  requireTerminal(question.trim(), options);
  options.before?.();
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    const closed = new Promise<never>((_, reject) => {
      lines.once('close', () => {
        noteHangUp();
        reject(cancelled());
      });
    });
    const answer = lines.question(question, options.signal === undefined ? {} : { signal: options.signal });
    return await Promise.race([answer, closed]);
  } finally {
    lines.close();
  }
}
