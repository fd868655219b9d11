import type { Problem } from '../../check/finding.js';
import { entriesWith } from '../../check/rules/entries.js';
import type { RemapTable } from '../../format/entry.js';
import { withFields, withoutEntries } from '../edits.js';
import {
  type Answer,
  type Asking,
  type AskingTable,
  type Circumstances,
  leave,
  type Question,
  single,
} from './answer.js';
import { sameData, saySample } from './samples.js';

/** Entries that break a rule under a right checksum (format.md section 1). */

/** More places than this are not asked about one by one, nor is one of more entries chosen. */
const MOST_PLACES = 64;

/** No more slots than this are named. */
const NAMED = 8;

function entries(count: number): string {
  return count === 1 ? 'the entry' : `all ${count} entries`;
}

function drop(slots: readonly number[], loses: string, recommended: boolean): Answer {
  return {
    id: 'drop',
    does: `Drops ${entries(slots.length)}; what is dropped is written to a file.`,
    keeps: 'every other entry',
    loses,
    risk: 'Afterwards these sectors are read from main.',
    recommended,
    effect: { kind: 'edit', edit: withoutEntries(slots) },
  };
}

const NOT_SERVED = 'The set is not served for writing while an entry breaks a rule.';

const mainOutOfRange: Asking = (problem, { survey, main }) => {
  const slots = entriesWith(survey, 'main-out-of-range');
  const answers = [drop(slots, 'remaps of sectors that main does not have: nothing could use them', true)];
  const { table } = survey;
  const size = main?.size ?? 0;
  if (table !== undefined && slots.every((slot) => table.mainSector(slot) < size))
    answers.push({
      id: 'main-size',
      does: `Records the ${size} sectors of ${main?.name} as the size of main.`,
      keeps: 'every entry',
      loses: '',
      risk: 'Right only if main has grown, or its size was recorded wrongly.',
      recommended: false,
      effect: { kind: 'edit', edit: withFields({ main_device_size: BigInt(size) }) },
    });
  return single(problem, [...answers, leave(NOT_SERVED)]);
};

const spareOutOfRange: Asking = (problem, { survey }) =>
  single(problem, [
    drop(entriesWith(survey, 'spare-out-of-range'), 'where their data was: it is not on this device', true),
    leave(NOT_SERVED),
  ]);

const spareInMetadata: Asking = (problem, { survey }) =>
  single(problem, [
    drop(
      entriesWith(survey, 'spare-in-metadata'),
      'remaps to sectors that hold metadata and not their data',
      true,
    ),
    leave(NOT_SERVED),
  ]);

const emptySlots: Asking = (problem) =>
  single(problem, [
    {
      id: 'compact',
      does: 'Moves the last entries into the holes.',
      keeps: 'every entry',
      loses: '',
      risk: '',
      recommended: true,
      effect: { kind: 'correct' },
    },
    leave(''),
  ]);

/** Entries that have one sector in common, of which one at most is right. */
interface Group {
  /** The sector that they share. */
  readonly sector: bigint;
  readonly slots: readonly number[];
}

interface Side {
  readonly id: 'main-duplicate' | 'spare-shared';
  readonly sharedName: string;
  readonly ownName: string;
  readonly shared: (table: RemapTable, slot: number) => bigint;
  /** The sector of an entry that the others of its group may not have. */
  readonly own: (table: RemapTable, slot: number) => bigint;
}

const mainOf = (table: RemapTable, slot: number) => table.exactMainSector(slot);
const spareOf = (table: RemapTable, slot: number) => table.exactSpareSector(slot);

const MAIN_SHARED: Side = {
  id: 'main-duplicate',
  sharedName: 'main sector',
  ownName: 'spare sector',
  shared: mainOf,
  own: spareOf,
};

const SPARE_SHARED: Side = {
  id: 'spare-shared',
  sharedName: 'spare sector',
  ownName: 'main sector',
  shared: spareOf,
  own: mainOf,
};

/** One question a group; where there are very many, one about all of them. */
function askGroups(side: Side): Asking {
  return (problem, circumstances) => {
    const { table } = circumstances.survey;
    if (table === undefined) return [];
    const groups = groupsOf(table, side, entriesWith(circumstances.survey, side.id));
    if (groups.length <= MOST_PLACES)
      return groups.map((group) => groupQuestion(problem, side, group, table, circumstances));
    const slots = groups.flatMap((group) => group.slots);
    const facts = [`${groups.length} sectors are concerned: too many to be asked about one by one.`];
    return single(problem, [drop(slots, 'the remaps of all these sectors', false), leave(NOT_SERVED)], facts);
  };
}

function groupsOf(table: RemapTable, side: Side, slots: readonly number[]): Group[] {
  const groups = new Map<bigint, number[]>();
  for (const slot of slots) {
    const sector = side.shared(table, slot);
    const group = groups.get(sector);
    if (group === undefined) groups.set(sector, [slot]);
    else group.push(slot);
  }
  return [...groups].map(([sector, group]) => ({ sector, slots: group }));
}

function groupQuestion(
  problem: Problem,
  side: Side,
  group: Group,
  table: RemapTable,
  { samples }: Circumstances,
): Question {
  const { sector, slots } = group;
  const sampled = samplesOf(side, samples);
  // of equal entries the first stands for all of them
  const all = [...new Map(slots.toReversed().map((slot) => [side.own(table, slot), slot]))].toReversed();
  const choices = all.length <= MOST_PLACES ? all : [];
  const shared = sampled?.shared.get(Number(sector));
  const matching = choices.filter(([own]) => sameData(shared, sampled?.own.get(Number(own))));
  const best = choices.length === 1 ? choices[0] : matching.length === 1 ? matching[0] : undefined;
  const answers = choices.map((choice): Answer => {
    const [own, slot] = choice;
    const lost = choices.filter((other) => other !== choice).map(([other]) => other);
    const names = `${side.ownName} ${lost.join(', ')} for ${side.sharedName} ${sector}`;
    return {
      id: `keep-${own}`,
      does: `Keeps entry ${slot} (${side.ownName} ${own}) and drops ${slots.length === 2 ? 'the other' : `${slots.length - 1} others`}.`,
      keeps: `${side.sharedName} ${sector} with ${side.ownName} ${own}`,
      loses: lost.length === 0 ? '' : names,
      risk: lost.length === 0 ? '' : riskOf(side, choice === best),
      recommended: choice === best,
      effect: { kind: 'edit', edit: withoutEntries(slots.filter((other) => other !== slot)) },
    };
  });
  return {
    key: `${problem.id}@${sector}`,
    problem,
    facts: [
      `${side.sharedName} ${sector} stands in entries ${named(slots)}.`,
      ...(sampled === undefined
        ? ['With --main MAIN the data of these sectors is compared.']
        : [
            saySample(`${side.sharedName} ${sector}`, shared),
            ...choices.map(([own]) => saySample(`${side.ownName} ${own}`, sampled.own.get(Number(own)))),
          ]),
    ],
    answers: [
      ...answers,
      drop(slots, `all remaps with ${side.sharedName} ${sector}`, false),
      leave(NOT_SERVED),
    ],
  };
}

function named(slots: readonly number[]): string {
  const more = slots.length - NAMED;
  return more > 0 ? `${slots.slice(0, NAMED).join(', ')} and ${more} more` : slots.join(', ');
}

function samplesOf({ id }: Side, samples: Circumstances['samples']) {
  if (samples === undefined) return undefined;
  const { main, spare } = samples;
  return id === 'main-duplicate' ? { shared: main, own: spare } : { shared: spare, own: main };
}

function riskOf({ id }: Side, matches: boolean): string {
  if (matches) return 'Main and spare hold the same there, which speaks for it.';
  return id === 'main-duplicate'
    ? 'If another one was right, this sector reads old or other data.'
    : 'If another one was right, this sector reads data that is not its own.';
}

export const ENTRY_QUESTIONS: AskingTable = {
  'main-out-of-range': mainOutOfRange,
  'spare-in-metadata': spareInMetadata,
  'spare-out-of-range': spareOutOfRange,
  'main-duplicate': askGroups(MAIN_SHARED),
  'spare-shared': askGroups(SPARE_SHARED),
  'slot-empty-plain': emptySlots,
};
