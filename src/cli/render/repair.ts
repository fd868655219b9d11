import type { RemapTable } from '../../format/entry.js';
import { HEADER, type Header } from '../../format/header.js';
import type { Diagnosis } from '../../operations/diagnose.js';
import type { Draft } from '../../operations/repair/draft.js';
import type { FoundStarts } from '../../operations/repair/starts.js';
import type { Answer, Question } from '../../repair/answers/answer.js';
import type { Start } from '../../repair/starts.js';
import type { Terminal } from '../terminal.js';
import { headed, indented, problemsText } from './check.js';
import { shownValue } from './info.js';
import { gridText, keyValueTable } from './table.js';
import { plural } from './text.js';

/** What the wizard shows on its way to a plan. */

/** More entries than this are not listed: the file has them all. */
const LISTED = 20;

/** What is wrong, in plain words. */
export function diagnosisText(name: string, { problems }: Diagnosis, terminal: Terminal): string {
  const count = problems.filter(({ row }) => row.severity === 'problem').length;
  const head = headed(name, count === 0 ? 'nothing is left of a header' : plural(count, 'problem'), terminal);
  const text = problemsText(name, problems, { terminal, verbose: false, next: false });
  return `${text === '' ? head : `${head}\n${text}`}\n`;
}

/** The contents that a repair could begin with: a table, then what speaks for each and against it. */
export function startsText({ starts, limits }: FoundStarts, terminal: Terminal): string {
  const rows = starts.map((start) => [
    start.id,
    certaintyOf(start),
    String(start.content.header.generation),
    String(start.content.table.count),
    String(start.lost.count),
  ]);
  const head = ['candidate', 'certainty', 'generation', 'keeps', 'loses'];
  const table = starts.length === 0 ? [] : [gridText(head, rows, terminal, { right: [2, 3, 4] })];
  const reasons = starts.flatMap(({ id, title, why }) => [`${id}: ${title}`, indented(why, 4, terminal)]);
  const told = limits.map((limit) => indented(`not searched: ${limit}`, 0, terminal));
  return `${[...table, ...reasons, ...told].join('\n')}\n`;
}

/** Proven, or a guess with the odds that chance alone made it fit (format.md section 6). */
export function certaintyOf({ certainty, searched }: Start): string {
  if (certainty === 'certain') return 'it counts';
  if (certainty === 'proven') return 'proven';
  if (searched === undefined || searched === 0n) return 'guess';
  const odds = 2n ** 32n / searched;
  return odds <= 1n ? 'guess, by chance as likely as not' : `guess, by chance 1 in ${odds}`;
}

/** What is known of it, and every answer with its consequences. */
export function questionText({ key, facts, answers }: Question, terminal: Terminal): string {
  return `${[
    key,
    ...facts.map((fact) => indented(fact, 2, terminal)),
    ...answers.flatMap((answer) => answerLines(answer, terminal)),
  ].join('\n')}\n`;
}

function answerLines({ id, does, keeps, loses, risk, recommended }: Answer, terminal: Terminal): string[] {
  const rows: [string, string][] = [
    ['does', does],
    ['keeps', keeps],
    ['loses', loses],
    ['risk', risk],
  ];
  const told = keyValueTable(
    rows.filter(([, text]) => text !== ''),
    { ...terminal, width: Math.max(terminal.width - 4, 36) },
  );
  return [`  ${id}${recommended ? ' (recommended)' : ''}`, ...told.split('\n').map((line) => `    ${line}`)];
}

/** A header field that a repair changes. */
export interface FieldChange {
  readonly field: string;
  readonly from: string;
  readonly to: string;
}

/** Against the copy that counts, or else what lies at the front. Checksum and copy follow from the rest. */
export function fieldChanges({ survey }: Diagnosis, { result }: Draft): FieldChange[] {
  const before = (survey.choice.chosen ?? survey.copies.primary).header;
  return HEADER.fields.flatMap(({ name, kind }) => {
    if (kind === 'zero' || name === 'checksum' || name === 'copy') return [];
    const field = name as keyof Header;
    const [from, to] = [before, result.header].map((header) => shownValue(field, header).replace('\n', ''));
    return from === to || from === undefined || to === undefined ? [] : [{ field: name, from, to }];
  });
}

/** What would become of the metadata: header fields, and entries that are dropped. */
export function draftText(diagnosis: Diagnosis, draft: Draft, terminal: Terminal): string {
  const changes = fieldChanges(diagnosis, draft);
  const lines: string[] = [];
  if (changes.length > 0)
    lines.push(
      gridText(
        ['header field', 'now', 'then'],
        changes.map(({ field, from, to }) => [field, from, to]),
        terminal,
      ),
    );
  lines.push(`${plural(draft.result.table.count, 'entry is', 'entries are')} kept`);
  lines.push(...droppedLines(draft.dropped));
  return `${lines.join('\n')}\n`;
}

function droppedLines(dropped: RemapTable): string[] {
  if (dropped.count === 0) return ['no entry is dropped'];
  const lines = [`${plural(dropped.count, 'entry is', 'entries are')} dropped:`];
  for (let slot = 0; slot < Math.min(dropped.count, LISTED); slot++)
    lines.push(
      `  main sector ${dropped.exactMainSector(slot)} -> spare sector ${dropped.exactSpareSector(slot)}`,
    );
  if (dropped.count > LISTED) lines.push(`  and ${dropped.count - LISTED} more; the file has them all`);
  return lines;
}
