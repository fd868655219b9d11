/** Small pieces of English text: wrapping, times, sizes, plurals, quoting. Pure. */

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

/** The range of ECMAScript's Date, in seconds: about 285 thousand years both ways. */
const LAST_SECOND = 8_640_000_000_000n;

/** UTC in ISO 8601 from Unix seconds; any integer is accepted, also those that no calendar reaches. */
export function formatTime(seconds: bigint | number): string {
  const exact = BigInt(seconds);
  if (exact > LAST_SECOND || exact < -LAST_SECOND) {
    return `${exact} s after 1970 (beyond the calendar)`;
  }
  return new Date(Number(exact) * 1000).toISOString().replace('.000Z', 'Z');
}

/** A size in human units, one decimal where it is not whole: `1.5 GiB`, `4 KiB`, `512 bytes`. */
export function humanSize(bytes: bigint | number): string {
  const exact = BigInt(bytes);
  const magnitude = exact < 0n ? -exact : exact;
  let unit = 0n;
  while (unit < UNITS.length && magnitude >> (10n * (unit + 1n)) > 0n) {
    unit += 1n;
  }
  const name = UNITS[Number(unit) - 1];
  if (name === undefined) {
    return plural(exact, 'byte');
  }
  // Rounded down: a device is never shown larger than it is.
  const tenths = (magnitude * 10n) >> (10n * unit);
  const fraction = tenths % 10n === 0n ? '' : `.${tenths % 10n}`;
  return `${exact < 0n ? '-' : ''}${tenths / 10n}${fraction} ${name}`;
}

/** The exact number of bytes and, from 1 KiB up, the human unit behind it. */
export function formatSize(bytes: bigint | number): string {
  const exact = plural(bytes, 'byte');
  const human = humanSize(bytes);
  return human === exact ? exact : `${exact} (${human})`;
}

/** A count of 512-byte sectors and the size that it makes. */
export function formatSectors(count: bigint | number): string {
  return `${plural(count, 'sector')} (${humanSize(BigInt(count) * 512n)})`;
}

/** `1 sector`, `2 sectors`, `0 copies`. */
export function plural(count: bigint | number, singular: string, several = `${singular}s`): string {
  return `${count} ${count === 1 || count === 1n ? singular : several}`;
}

/** A 32-bit value as it stands in hex dumps and specifications: `0x0123abcd`. */
export function hex32(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(8, '0')}`;
}

/** The word as a POSIX shell reads it back; left alone where it needs no quotes. */
export function quoteForShell(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) {
    return word;
  }
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** A command line that can be copied and pasted. */
export function shellCommand(words: readonly string[]): string {
  return words.map(quoteForShell).join(' ');
}

export interface WrapOptions {
  /** Put before every line but the first; the first line is expected to be indented by the caller. */
  readonly indent?: string;
  /** Cut words that are longer than a line; otherwise they stick out, so that they can be copied. */
  readonly breakWords?: boolean;
}

/** Wraps on words to a width. Newlines in the text are kept; runs of spaces between words become one. */
export function wrap(text: string, width: number, options: WrapOptions = {}): string {
  const indent = options.indent ?? '';
  const room = Math.max(1, width - displayWidth(indent));
  return text
    .split('\n')
    .flatMap((line) => wrapLine(line, room, options.breakWords ?? false))
    .map((line, index) => (index === 0 || line === '' ? line : indent + line))
    .join('\n');
}

function wrapLine(text: string, room: number, breakWords: boolean): string[] {
  const leading = /^ */.exec(text)?.[0] ?? '';
  const lines: string[] = [];
  let line = leading.length < room ? leading : '';
  let isEmpty = true;
  for (const word of text.split(/[ \t]+/).filter(Boolean)) {
    const candidate = isEmpty ? line + word : `${line} ${word}`;
    if (displayWidth(candidate) <= room) {
      line = candidate;
    } else {
      if (!isEmpty) {
        lines.push(line);
        line = '';
      }
      const pieces = breakWords ? cut(line + word, room) : [line + word];
      lines.push(...pieces.slice(0, -1));
      line = pieces.at(-1) ?? '';
    }
    isEmpty = false;
  }
  lines.push(line);
  return lines;
}

function cut(word: string, room: number): string[] {
  const pieces: string[] = [];
  let piece = '';
  for (const character of word) {
    if (piece !== '' && displayWidth(piece + character) > room) {
      pieces.push(piece);
      piece = '';
    }
    piece += character;
  }
  return [...pieces, piece];
}

/** Accents take no column of their own; East Asian wide characters take two. */
const ZERO_WIDTH = /[\u0300-\u036f]/;
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3040-\u3247\u3250-\u4dbf\u4e00-\ua4c6\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{1f200}-\u{1f251}\u{20000}-\u{3fffd}]/u;

/** Columns that the text takes on a terminal. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) {
    return text.length;
  }
  let width = 0;
  for (const character of text) {
    width += ZERO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  }
  return width;
}

const ASCII_FOR: { readonly [character: string]: string } = {
  '–': '-',
  '—': '-',
  '…': '...',
  '‘': "'",
  '’': "'",
  '“': '"',
  '”': '"',
  '×': 'x',
  '→': '->',
  '←': '<-',
  '≤': '<=',
  '≥': '>=',
  '≠': '!=',
  '·': '.',
  '•': '*',
  '✓': 'ok',
  '✗': 'x',
  '\u00a0': ' ',
};

/** The text in ASCII: punctuation is replaced by its nearest equivalent, anything else by a question mark. */
export function toAscii(text: string): string {
  return text.replace(/\P{ASCII}/gu, (character) => ASCII_FOR[character] ?? '?');
}

/** Control, formatting, private and unassigned characters, and pictographs, whose width terminals disagree on. */
const UNPRINTABLE =
  /(?!\n)(?:[\p{C}\u2028\u2029]|(?![©®™])\p{Extended_Pictographic}|\p{Regional_Indicator})/gu;

/**
 * Text from devices and files, safe to show: what could drive the terminal, reorder the line or break a table
 * is written as its number. Newlines stay.
 */
export function showUnprintable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}
