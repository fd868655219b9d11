/** The flags that every command has, read without a parser: for errors that come before or out of parsing. */

/** What the shared flags ask for. */
export interface SharedWishes {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly noColor: boolean;
  readonly ascii: boolean;
  readonly help: boolean;
}

/** The shared flags as they are typed; all of them are switches without a value. */
const SPELLINGS: { readonly [word: string]: keyof SharedWishes } = {
  '--json': 'json',
  '--quiet': 'quiet',
  '-q': 'quiet',
  '--verbose': 'verbose',
  '-v': 'verbose',
  '--no-color': 'noColor',
  '--ascii': 'ascii',
  '--help': 'help',
  '-h': 'help',
};

/** Finds the shared flags before a `--`. DEBUG counts as --verbose. */
export function sharedWishes(argv: readonly string[], env = process.env): SharedWishes {
  const end = argv.indexOf('--');
  const found = new Set(argv.slice(0, end < 0 ? argv.length : end).map((word) => SPELLINGS[word]));
  return {
    json: found.has('json'),
    quiet: found.has('quiet'),
    verbose: found.has('verbose') || Boolean(env['DEBUG']),
    noColor: found.has('noColor'),
    ascii: found.has('ascii'),
    help: found.has('help'),
  };
}

/** Whether the word is a shared flag, which may also stand before the command. */
export function isSharedFlag(word: string): boolean {
  return Object.hasOwn(SPELLINGS, word);
}
