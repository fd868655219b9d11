/** Which command a command line names, before any of its flags are parsed. Pure. */
import type { Command } from '@oclif/core/command';
import type { Config } from '@oclif/core/config';
import type { Topic } from '@oclif/core/interfaces';
import { isSharedFlag, sharedWishes } from './shared-flags.js';

export interface CommandLine {
  readonly command?: Command.Loadable;
  /** A group of commands without one of them named, such as `ctl`. */
  readonly topic?: Topic;
  /** What follows the command's name; shared flags that stood before it come first. */
  readonly rest: readonly string[];
  readonly wantsHelp: boolean;
}

/** Finds the command. `help COMMAND`, `COMMAND --help` and no command at all ask for help. */
export function readCommandLine(argv: readonly string[], config: Config): CommandLine {
  const firstOther = argv.findIndex((word) => !isSharedFlag(word));
  const start = firstOther < 0 ? argv.length : firstOther;
  const isHelpCommand = argv[start] === 'help';
  const words = argv.slice(isHelpCommand ? start + 1 : start);
  const { id, length } = longestName(words, config);
  const command = config.findCommand(id);
  const topic = command === undefined && id !== '' ? config.findTopic(id) : undefined;
  const next = words[length];
  // `dmremap chek --help` asks for the help of nothing that exists.
  const isUnknown = command === undefined && next !== undefined && !isSharedFlag(next);
  return {
    ...(command === undefined ? {} : { command }),
    ...(topic === undefined ? {} : { topic }),
    rest: [...argv.slice(0, start), ...words.slice(length)],
    wantsHelp: !isUnknown && (isHelpCommand || sharedWishes(argv).help || words.length === 0),
  };
}

/** The longest beginning that names a command or a group of commands. */
function longestName(
  words: readonly string[],
  config: Config,
): { readonly id: string; readonly length: number } {
  let id = '';
  let length = 0;
  for (const word of words) {
    const longer = id === '' ? word : `${id}:${word}`;
    // oclif separates the words of a name with colons; nobody types them.
    if (word.includes(':') || !config.commandIDs.some((known) => `${known}:`.startsWith(`${longer}:`))) {
      break;
    }
    id = longer;
    length += 1;
  }
  return { id, length };
}
