/** Turns what @oclif/core throws at a wrong command line into our error, in our words. */
import type { Config } from '@oclif/core/config';
import type { FlagInput } from '@oclif/core/interfaces';
import { DmremapError } from '../errors.js';
import type { CommandLine } from './command-line.js';
import { isSharedFlag } from './shared-flags.js';
import { suggest } from './suggest.js';

/** What is known of the command whose line was wrong. */
export interface UsageContext {
  /** As it is typed: `dmremap check`. */
  readonly program: string;
  readonly flags: FlagInput;
  readonly argv: readonly string[];
}

/** The error that a wrong command line amounts to; undefined for anything else, which is a bug. */
export function usageError(thrown: unknown, context: UsageContext): DmremapError | undefined {
  if (!(thrown instanceof Error)) {
    return undefined;
  }
  const unknown = unknownLongFlag(context);
  if (unknown !== undefined && isAboutTheLine(thrown)) {
    // oclif notices it last, after its value has been taken for an argument and found wrong.
    return new DmremapError('usage', unknownFlags([unknown], context), withHint(context));
  }
  if (thrown instanceof DmremapError) {
    const { code, hint, data } = thrown;
    const details = { data, ...(hint === undefined ? withHint(context) : { hint }) };
    return new DmremapError(code, plainMessage(thrown.message), details);
  }
  const message = rewordedMessage(thrown, context);
  return message === undefined ? undefined : new DmremapError('usage', message, withHint(context));
}

/** Where to look next; every usage error that has no better advice ends with it. */
export function withHint(context: { readonly program: string }): { readonly hint: string } {
  return { hint: `Try '${context.program} --help'.` };
}

function rewordedMessage(error: Error, context: UsageContext): string | undefined {
  switch (error.constructor.name) {
    case 'NonExistentFlagsError':
      return unknownFlags(stringsOf(error, 'flags'), context);
    case 'UnexpectedArgsError': {
      const extra = stringsOf(error, 'args').map((word) => JSON.stringify(word));
      return `unexpected argument${extra.length === 1 ? '' : 's'}: ${extra.join(' ')}`;
    }
    case 'RequiredArgsError': {
      const missing = namesOf(error).map((name) => name.toUpperCase());
      return `missing argument${missing.length === 1 ? '' : 's'}: ${missing.join(' ')}`;
    }
    // A mistake in the definition of the command, not on the command line.
    case 'InvalidArgsSpecError':
      return undefined;
    // oclif's own parsers (Args.integer, …) throw plain errors for arguments and CLIErrors for flags.
    case 'Error':
    case 'CLIError':
    case 'FlagInvalidOptionError':
    case 'ArgInvalidOptionError':
    case 'FailedFlagValidationError':
    case 'ViolatedFlagConstraintError':
      return plainMessage(error.message);
    default:
      return undefined;
  }
}

function isAboutTheLine(thrown: Error): boolean {
  return (
    thrown instanceof DmremapError || /^(Unexpected|Required)Args|^ArgInvalid/.test(thrown.constructor.name)
  );
}

/** The first `--flag` that the command does not have and that is not the value of another flag. */
function unknownLongFlag({ argv, flags }: UsageContext): string | undefined {
  const end = argv.indexOf('--');
  const words = argv.slice(0, end < 0 ? argv.length : end);
  return words
    .filter((word, index) => {
      const before = words[index - 1]?.replace(/^--/, '') ?? '';
      return word.startsWith('--') && flags[before]?.type !== 'option';
    })
    .map((word) => word.replace(/=.*$/s, ''))
    .find((word) => {
      const negated = flags[word.replace(/^--no-/, '')];
      const allowsNo = word.startsWith('--no-') && negated?.type === 'boolean' && negated.allowNo;
      return !Object.hasOwn(flags, word.slice(2)) && !allowsNo;
    });
}

function unknownFlags(flags: readonly string[], context: UsageContext): string {
  const first = flags[0] ?? '';
  const meant = suggest(first.replace(/^-+/, ''), Object.keys(context.flags));
  const question = meant === undefined || !first.startsWith('--') ? '' : ` (did you mean --${meant}?)`;
  return `unknown flag${flags.length === 1 ? '' : 's'}: ${flags.join(' ')}${question}`;
}

const REWORDINGS: readonly (readonly [RegExp, string])[] = [
  [/^Parsing --(\S+) \n\t([\s\S]*)$/, '--$1: $2'],
  [/^The following errors? occurred:\s+([\s\S]*)$/, '$1'],
  [/^Flag (--\S+) /, '$1 '],
  [/^[ \t]*Missing required flag (\S+)$/gm, 'missing flag: --$1'],
  [/^Expected (--\S+)=([\s\S]*) to be one of: (.*)$/, '$1: "$2" is none of $3'],
  [/^Expected ([\s\S]*) to be one of: (.*)$/, '"$1" is none of $2'],
  [/(--\S+)=\S* cannot also be provided when using (--\S+)/g, '$1 and $2 exclude each other'],
  [/Expected an integer but received: (.*)$/, '"$1" is not a whole number'],
  [/Expected an integer (greater|less) than or equal to (\d+) but received: (.*)$/, '$3 is not $2 or $1'],
  [/All of the following must be provided when using (--\S+): (--\S+)$/, '$1 needs $2'],
];

const SGR = /\p{Cc}\[[\d;]*m/gu;

/** oclif's sentences in one line and in the style of the others. */
function plainMessage(message: string): string {
  let text = message.replace(SGR, '').replaceAll('\nSee more help with --help', '');
  for (const [pattern, replacement] of REWORDINGS) {
    text = text.replace(pattern, replacement);
  }
  return text.trim().replace(/\n\s*/g, '; ');
}

function stringsOf(error: Error, key: string): string[] {
  const value: unknown = Reflect.get(error, key);
  return Array.isArray(value) ? value.map(String) : [];
}

function namesOf(error: Error): string[] {
  const value: unknown = Reflect.get(error, 'args');
  return Array.isArray(value) ? value.map((arg: { readonly name?: unknown }) => String(arg.name)) : [];
}

/** The error for a line that names no command. */
export function unknownCommand(line: CommandLine, config: Config): DmremapError {
  const group = line.topic?.name;
  const program = [config.bin, ...(group?.split(':') ?? [])].join(' ');
  const prefix = group === undefined ? '' : `${group}:`;
  const names = config.commandIDs
    .filter((id) => id.startsWith(prefix))
    .map((id) => id.slice(prefix.length).replaceAll(':', ' '));
  const word = line.rest.find((candidate) => !isSharedFlag(candidate));
  if (word === undefined) {
    return new DmremapError('usage', `missing argument: one of ${names.join(', ')}`, withHint({ program }));
  }
  if (word.startsWith('-')) {
    return new DmremapError('usage', `unknown flag: ${word}`, withHint({ program }));
  }
  const meant = suggest(word, names);
  const question = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  return new DmremapError('usage', `unknown command: ${word}${question}`, withHint({ program }));
}
