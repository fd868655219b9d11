/**
 * What may be written where: decided once from the streams, the environment and the flags, then handed to
 * every renderer, so that no renderer looks at process.env itself.
 */

/** What one output stream can show. */
export interface Terminal {
  /** SGR colours are allowed. */
  readonly color: boolean;
  /** Characters outside ASCII are allowed. */
  readonly unicode: boolean;
  /** Columns that text may take. */
  readonly width: number;
  /** The stream is a terminal and can move its cursor: single-line progress is allowed. */
  readonly live: boolean;
}

/** The capabilities of a process's three streams. */
export interface Terminals {
  readonly stdout: Terminal;
  readonly stderr: Terminal;
  /** Questions can be asked: standard input and standard error are terminals. */
  readonly isInteractive: boolean;
  /** TERM is dumb: no cursor movement, so questions are asked line by line. */
  readonly isDumb: boolean;
}

/** The part of a stream that matters here; `columns` is 0 on some serial consoles. */
export interface StreamFacts {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface TerminalFacts {
  readonly stdin: StreamFacts;
  readonly stdout: StreamFacts;
  readonly stderr: StreamFacts;
  readonly env: { readonly [name: string]: string | undefined };
}

export interface TerminalWishes {
  /** --no-color */
  readonly noColor?: boolean | undefined;
  /** --ascii */
  readonly ascii?: boolean | undefined;
}

const DEFAULT_WIDTH = 80;
const NARROWEST = 40;

/** Decides colour, character set and width from flags, environment and streams. */
export function detectTerminals(wishes: TerminalWishes = {}, facts: TerminalFacts = process): Terminals {
  const { env } = facts;
  const isDumb = env['TERM'] === 'dumb';
  const unicode = !wishes.ascii && !isDumb && isUtf8(env);
  // no-color.org: the variable counts when it is not empty, whatever it holds.
  const noColor = Boolean(wishes.noColor) || Boolean(env['NO_COLOR']) || isDumb;
  const describe = (stream: StreamFacts): Terminal => ({
    color: Boolean(stream.isTTY) && !noColor,
    unicode,
    width: stream.isTTY && stream.columns ? Math.max(stream.columns, NARROWEST) : DEFAULT_WIDTH,
    live: Boolean(stream.isTTY) && !isDumb,
  });
  // a stream of the process is made when it is first asked for, which takes its time
  return {
    get stdout() {
      return describe(facts.stdout);
    },
    get stderr() {
      return describe(facts.stderr);
    },
    get isInteractive() {
      return Boolean(facts.stdin.isTTY) && Boolean(facts.stderr.isTTY);
    },
    isDumb,
  };
}

/** As in setlocale(3): the first of the three that is set and not empty decides. */
function isUtf8(env: TerminalFacts['env']): boolean {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return /utf-?8/i.test(locale);
}

const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

export type Style = keyof typeof STYLES;

/** The text in a style, or as it is where colour is not allowed. */
export function paint(terminal: Terminal, style: Style, text: string): string {
  if (!terminal.color || text === '') {
    return text;
  }
  const [on, off] = STYLES[style];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}
