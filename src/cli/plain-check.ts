/**
 * Which lines of `dmremap check` the program of fsck.dmremap3 can run, which starts in a third of the time since
 * it loads no command framework: those of devices and of flags that take no value. Pure, and small: every start
 * of dmremap asks it.
 */
import type { Mode } from '../operations/check-many.js';
import { isSharedFlag, sharedWishes } from './shared-flags.js';

export interface PlainCheck {
  readonly devices: readonly string[];
  readonly mode: Mode;
  readonly verbose: boolean;
  readonly quiet: boolean;
  readonly noColor: boolean;
  readonly ascii: boolean;
}

/** The flags of check alone, as they are typed, that a plain line may have. */
export const PLAIN_FLAGS: { readonly [word: string]: Mode } = {
  '-n': 'read',
  '--no-change': 'read',
  '-p': 'preen',
  '--preen': 'preen',
  '-y': 'yes',
  '--yes': 'yes',
};

/** The line, or undefined for all that is left to the framework: other commands, help, JSON, mistakes. */
export function readPlainCheck(argv: readonly string[], env = process.env): PlainCheck | undefined {
  const [command, ...words] = argv;
  // DEBUG makes the framework tell what it does
  if (command !== 'check' || env['DEBUG']) return undefined;
  const flags = words.filter((word) => word.startsWith('-'));
  const devices = words.filter((word) => !word.startsWith('-'));
  const { json, help, ...wishes } = sharedWishes(words, env);
  const modes = new Set(flags.filter((word) => !isSharedFlag(word)).map((word) => PLAIN_FLAGS[word]));
  const [mode = 'read'] = modes;
  const isPlain = !json && !help && modes.size <= 1 && !modes.has(undefined);
  const namesDevices = devices.length > 0 && devices.every((device) => device.trim() !== '');
  return isPlain && namesDevices ? { devices, mode, ...wishes } : undefined;
}
