import { check } from '../check/checker.js';
import type { Problem } from '../check/finding.js';
import { DmremapError, type JsonValue } from '../errors.js';
import type { DumpDocument } from '../exchange/dump-document.js';
import { RemapTable } from '../format/entry.js';
import { isNewer } from '../format/generation.js';
import { decodeHeader } from '../format/header.js';
import { isEvidence } from '../store/choose.js';
import { type EntryDifference, entryDifferences } from '../store/difference.js';
import type { Surveyed } from './survey.js';

/** What makes a restore a guess (cli.md, "Changing"); none where `reasons` is empty. */
export interface Guess {
  /** Of the valid copy on the device, if there is one. */
  readonly generation: number | undefined;
  readonly dumpGeneration: number;
  readonly reasons: readonly string[];
  /** Remaps that are dropped, added or pointed elsewhere, against what is valid on the device now. */
  readonly differences: readonly EntryDifference[];
}

/** @param problems what check says about the device once the dump is restored */
export function guessOf(dump: DumpDocument, survey: Surveyed, problems: readonly Problem[]): Guess {
  const { generation } = decodeHeader(dump.block);
  const { choice, table } = survey;
  const now = choice.chosen?.header.generation;
  const differences = table === undefined ? [] : entryDifferences(table, new RemapTable(dump.table));
  const reasons: string[] = [];
  if (now !== undefined && now !== generation)
    reasons.push(
      `the spare has generation ${now}, the dump has ${generation}: remaps made in between would be lost or come back`,
    );
  if (now === generation && differences.length > 0)
    reasons.push(
      `the spare has generation ${now} too, with other entries: the dump was edited, or the spare was`,
    );
  const claimed = claimedGeneration(survey, generation);
  if (claimed !== undefined)
    reasons.push(`a damaged copy claims generation ${claimed}, the dump has ${generation}`);
  if (!dump.valid) reasons.push('the dump was taken from a copy that was not valid');
  const present = new Set(check(survey).map(({ id }) => id));
  for (const { id, row } of problems)
    if (row.severity === 'problem' && row.fix !== 'unattended' && !present.has(id))
      reasons.push(`afterwards check would find ${id}: ${row.title.toLowerCase()}`);
  return { generation: now, dumpGeneration: generation, reasons, differences };
}

/** Of a damaged copy that may hold commits which neither the dump nor a valid copy has. */
function claimedGeneration({ choice, copies }: Surveyed, dumped: number): number | undefined {
  const newer = choice.others.find(({ claims }) => claims.includes('newer-generation'));
  if (choice.chosen !== undefined) return newer?.copy.header.generation;
  const claims = [copies.primary, ...copies.backups]
    .filter(isEvidence)
    .map(({ header }) => header.generation);
  return claims.find((claim) => isNewer(claim, dumped)) ?? (claims.includes(dumped) ? undefined : claims[0]);
}

/** How many entries a person is shown. */
const LINES = 100;

/** One line for each reason and each entry, for people. */
export function guessLines({ reasons, differences }: Guess): string[] {
  const more = differences.length - LINES;
  return [
    ...reasons,
    ...differences.slice(0, LINES).map(sayDifference),
    ...(more > 0 ? [`and ${more} more; --json lists all of them`] : []),
  ];
}

function sayDifference({ main, from, to }: EntryDifference): string {
  if (to === undefined) return `main sector ${main} is not remapped any more (it is at spare sector ${from})`;
  if (from === undefined)
    return `main sector ${main} is remapped to spare sector ${to} (it is not remapped now)`;
  return `main sector ${main} is remapped to spare sector ${to} (it is at spare sector ${from})`;
}

export function differencesJson(differences: readonly EntryDifference[]): JsonValue {
  return differences.map(({ main, from, to }) => ({ main_sector: main, from: from ?? null, to: to ?? null }));
}

/** @throws DmremapError `changed-since` */
export function refuseGuess(path: string, guess: Guess, accepted: boolean): void {
  const [first] = guess.reasons;
  if (first === undefined || accepted) return;
  throw new DmremapError('changed-since', `${path}: ${guess.reasons.join('; ')}`, {
    hint: 'to see each entry: --accept-guess --dry-run; if the dump is what you want: --accept-guess',
    data: {
      ...(guess.generation === undefined ? {} : { generation: guess.generation }),
      dump_generation: guess.dumpGeneration,
      reasons: guess.reasons,
      entries: differencesJson(guess.differences),
    },
  });
}
