/** What a command gives to its base class, and how that becomes output. */
import type { Content } from './output.js';
import type { JsonObject } from './render/json.js';
import { toAscii } from './render/text.js';
import type { Terminal } from './terminal.js';

/** What a command has found out or done. */
export interface CommandResult {
  readonly exitCode: number;
  /**
   * The document of --json; `command` and `exit_code` are put before it. A function is called only for --json.
   * Text, for results too large to be held, is the whole document and begins with those two itself.
   */
  readonly json: JsonObject | (() => JsonObject) | { readonly document: () => Content };
  /** The text for standard output; called only without --json. A missing newline at the end is added. */
  readonly text: (terminal: Terminal) => Content;
  /** The text is data that was asked for (`dump`, `table`): --quiet prints it, and it is never made ASCII. */
  readonly isData?: boolean;
}

/** Whether the JSON document is given as text. */
export function isDocumentText(json: CommandResult['json']): json is { readonly document: () => Content } {
  return typeof json === 'object' && typeof json['document'] === 'function';
}

/** Text in the character set of the terminal, with a newline at its end. */
export async function* terminated(
  content: Content,
  isVerbatim: boolean,
): AsyncGenerator<string | Uint8Array> {
  let last: string | Uint8Array = '\n';
  for await (const piece of typeof content === 'string' ? [content] : content) {
    if (piece.length > 0) {
      last = piece;
      yield isVerbatim || typeof piece !== 'string' ? piece : toAscii(piece);
    }
  }
  if (typeof last === 'string' && !last.endsWith('\n')) {
    yield '\n';
  }
}

/** One piece, then the others. */
export function* chain(first: string, others: Iterable<string>): Generator<string> {
  yield first;
  yield* others;
}
