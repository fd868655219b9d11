import { inspect } from 'node:util';

/** A failed comparison, as assertion libraries describe it. */
interface Comparison {
  readonly details?: unknown;
  readonly operator?: unknown;
}

/**
 * Everything that is known of what was thrown, whatever it was: tests reject with strings, with undefined
 * and with objects that have no message, and none of that may be lost or break the report.
 */
export function failureText(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `threw something that is no Error: ${inspect(thrown)}`;
  const { details, operator } = thrown as Error & Comparison;
  const parts = [typeof operator === 'string' ? `${thrown.message} (${operator})` : thrown.message];
  if (typeof details === 'string') parts.push(plain(details).replace(/\n+$/, ''));
  const stack = frames(thrown.stack);
  if (stack !== '') parts.push(stack);
  if (thrown instanceof AggregateError)
    parts.push(...thrown.errors.map((error) => indent(failureText(error))));
  if (thrown.cause !== undefined) parts.push(indent(`caused by: ${failureText(thrown.cause)}`));
  return parts.join('\n');
}

/** The first line, for lists. */
export function headline(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

export function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '    ');
}

/** The lines that lead to our own code; Node's own say nothing here. */
function frames(stack: string | undefined): string {
  const lines = (stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return lines.filter((line) => !/node:|node_modules/.test(line)).join('\n');
}

/** Without the colours that the assertion library mixes in; a report may be read in a file. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
  return text.replace(/\u001b\[[0-9;]*m/g, '');
}
