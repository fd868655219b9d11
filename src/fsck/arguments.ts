import { DmremapError } from '../errors.js';
import type { Mode } from '../operations/check-many.js';

export interface FsckArguments {
  readonly mode: Mode;
  readonly verbose: boolean;
  readonly help: boolean;
  /** As `check --module`. */
  readonly module: boolean;
  /** -C: 0 for a line on the terminal, else the descriptor that is told; undefined where nobody asked. */
  readonly progress: number | undefined;
  readonly devices: readonly string[];
}

const MODES: Partial<Record<string, Mode>> = { a: 'preen', p: 'preen', n: 'read', y: 'yes' };

/**
 * The arguments that fsck(8) passes: flags alone or joined (`-af`), `-C0` and `-C 0`. -f is taken and changes
 * nothing: a check is always a full one. A negative descriptor, which e2fsck takes for silence, is silence.
 *
 * @throws DmremapError `usage`
 */
export function parseFsckArguments(argv: readonly string[]): FsckArguments {
  const modes = new Set<string>();
  const devices: string[] = [];
  let verbose = false;
  let help = false;
  let module = false;
  let progress: number | undefined;
  const words = [...argv];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--') {
      devices.push(...words.splice(0));
    } else if (word === '--help') {
      help = true;
    } else if (word === '--module') {
      module = true;
    } else if (!word.startsWith('-') || word === '-') {
      devices.push(word);
    } else if (word.startsWith('--')) {
      throw usage(`unknown flag ${word}`);
    } else if (word.startsWith('-C')) {
      const descriptor = takeDescriptor(word, words);
      progress = descriptor < 0 ? undefined : descriptor;
    } else {
      for (const letter of word.slice(1)) {
        if (MODES[letter] !== undefined) modes.add(letter === 'a' ? 'p' : letter);
        else if (letter === 'v') verbose = true;
        else if (letter === 'h') help = true;
        else if (letter !== 'f') throw usage(`unknown flag -${letter}`);
      }
    }
  }
  if (modes.size > 1) throw usage('only one of -a, -p, -n and -y can be given');
  if (devices.length === 0 && !help) throw usage('no device is named');
  const [letter = 'n'] = modes;
  return { mode: MODES[letter] ?? 'read', verbose, help, module, progress, devices };
}

function takeDescriptor(word: string, rest: string[]): number {
  const descriptor = word.length > 2 ? word.slice(2) : (rest.shift() ?? '');
  if (!/^-?\d+$/.test(descriptor)) throw usage('-C takes the number of a file descriptor');
  return Number(descriptor);
}

function usage(message: string): DmremapError {
  return new DmremapError('usage', message, {
    hint: 'fsck.dmremap3 [-a|-n|-p|-y] [-f] [-v] [-C FD] DEVICE...',
  });
}
