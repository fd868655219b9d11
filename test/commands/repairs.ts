import { COPY_CASES } from '../check/copy-problems.js';
import { ENTRY_CASES } from '../check/entry-problems.js';
import { HEADER_CASES } from '../check/header-problems.js';
import type { ProblemCase } from '../check/problem-case.js';
import { documentOf, isObject } from '../obligations/schemas.js';
import type { Workshop } from '../obligations/workshop.js';

/** What the tests of repair share. */

/** Spares with one thing wrong that only the operator decides, as files can hold them. */
export const TO_DECIDE: readonly ProblemCase[] = [...COPY_CASES, ...HEADER_CASES, ...ENTRY_CASES].filter(
  ({ options, around }) => options === undefined && around === undefined,
);

/** How a repair was decided without a terminal: by typing what it printed. */
export interface Decided {
  /** Whether the wizard would ask what to begin with. */
  readonly asksForStart: boolean;
  /** To each question that the wizard would ask. */
  readonly answers: readonly unknown[];
  /** The flags that decide it. */
  readonly flags: readonly string[];
  readonly code: number | null;
}

/** Repairs with the first candidate, and the first answer to each question. */
export async function decideByFlags(
  shop: Workshop,
  spare: string,
  more: readonly string[] = [],
): Promise<Decided> {
  const flags: string[] = [];
  const decided = { asksForStart: false, answers: [] as readonly unknown[], flags };
  for (let tries = 0; tries < 8; tries++) {
    const ended = await shop.run(['repair', spare, ...more, ...flags, '--yes', '--json']);
    if (ended.code === 8) return { ...decided, code: 8 };
    const document = documentOf(ended, 'repair');
    const candidates = (document['candidates'] ?? []) as readonly {
      readonly id: string;
      readonly certainty: string;
    }[];
    const [first] = candidates;
    decided.asksForStart = candidates.length > 1 || (first !== undefined && first.certainty !== 'certain');
    const undecided = document['undecided'];
    decided.answers = document['answers'] as readonly unknown[];
    if (!isObject(undecided)) return { ...decided, code: ended.code };
    if (undecided['what'] === 'start') {
      if (first === undefined) return { ...decided, asksForStart: false, code: ended.code };
      flags.push('--candidate', first.id, '--accept-guess');
    } else {
      const [answer] = undecided['answers'] as readonly { readonly id: string }[];
      flags.push('--answer', `${undecided['question']}=${answer?.id}`);
    }
  }
  throw new Error(`${spare}: no end of questions: ${flags.join(' ')}`);
}

/** The content of a spare but for what the clock decides: the time of the last commit, and the checksum over it. */
export function withoutTimes(image: Buffer): Buffer {
  const masked = Buffer.from(image);
  for (let at = 0; at + 512 <= image.length; at += 512)
    if (image.toString('latin1', at, at + 8) === 'DMREMAP3')
      masked.fill(0, at + 12, at + 16).fill(0, at + 24, at + 32);
  return masked;
}
