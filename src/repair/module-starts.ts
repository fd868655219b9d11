import type { ModuleMain } from '../check/survey.js';
import { encodeEntries, RemapTable } from '../format/entry.js';
import { encodeHeader } from '../format/header.js';
import { type Content, contentOf } from '../store/content.js';
import type { FirstEntry, ModuleImage } from '../store/module-image.js';
import { type Certainty, idOf, type Start } from './starts.js';

/** What a repair of a spare of the kernel module may begin with: a plain set with what the module left. */

/** No more sectors than this are offered for the first entry. */
const MOST_OFFERED = 8;

const NOTHING = new RemapTable(new Uint8Array(0));

/** Why there is nothing to begin with; undefined where there is. */
export function moduleLimit(image: ModuleImage): string | undefined {
  if (lacksMainSize(image)) return 'the kernel module wrote no size of main here: name main with --main MAIN';
  if (image.content.table.count === 0 && image.table === 'missing')
    return 'the kernel module never wrote the table of this header';
  return undefined;
}

/** The module writes no size of main where it never read a header. */
export function lacksMainSize({ content: { header } }: ModuleImage): boolean {
  return header.main_device_size === 0n;
}

/**
 * The best first.
 *
 * @param main what main tells, where it was named
 */
export function moduleStarts(image: ModuleImage, main: ModuleMain | undefined): Start[] {
  if (moduleLimit(image) !== undefined) return [];
  if (image.standing !== 'guess') return [certainStart(image)];
  if (image.first.kind === 'lost') return lostStarts(image, image.first, main);
  return [tableStart(image)];
}

interface Offer {
  readonly word: string;
  readonly title: string;
  readonly why: string;
  readonly content: Content;
  readonly lost?: RemapTable;
  readonly certainty?: Certainty;
}

/** The module's generation is its own: what is written gets the next one. */
function offer({ word, content, lost = NOTHING, certainty = 'guess', ...said }: Offer): Start {
  return {
    id: idOf(word, content),
    certainty,
    ...said,
    searched: undefined,
    content,
    lost,
    erases: [],
    copies: ['primary'],
    renumbered: true,
  };
}

function certainStart({ standing, first, content }: ModuleImage): Start {
  const read = standing === 'accepted';
  const back = first.kind === 'proven' ? `, with main sector ${first.main} in the first entry` : '';
  return offer({
    word: 'module',
    certainty: 'proven',
    title: `what the kernel module ${read ? 'reads' : 'wrote'}${back}`,
    why: read
      ? "The module's own checksum vouches for every entry."
      : "The module's checksum was made over a header that is known, and vouches for every entry.",
    content,
  });
}

function tableStart({ table, content }: ModuleImage): Start {
  const whose = table === 'torn' ? 'the table from before the last header' : 'the table as it lies';
  return offer({
    word: 'module-table',
    title: `${whose}, ${content.table.count} entries`,
    why:
      table === 'torn'
        ? 'Its spare sectors run on without a gap. What the module did after it is lost, and may have reused them.'
        : 'The module did not finish writing: it may be the new table, or an older one of the same length.',
    content,
  });
}

type Lost = Extract<FirstEntry, { readonly kind: 'lost' }>;

function lostStarts({ content }: ModuleImage, lost: Lost, main: ModuleMain | undefined): Start[] {
  const { unreadable = [], logged = [] } = main ?? {};
  const named = new Set(Array.from(content.table.live(), (index) => content.table.mainSector(index)));
  const possible = (main: number) => BigInt(main) < content.header.main_device_size && !named.has(main);
  const suspects = [...unreadable, ...logged].filter(possible);
  const offered = suspects.length > MOST_OFFERED ? [] : suspects;
  const starts = offered.map((sector) =>
    offer({
      word: `module-first-${sector}`,
      title: `the table, with main sector ${sector} in the first entry`,
      why: unreadable.includes(sector)
        ? 'That sector cannot be read, and no entry names it.'
        : 'By the kernel log that sector has failed, and no entry names it.',
      content: withFirstEntry(content, sector, lost.spare),
    }),
  );
  if (lost.reads !== 0 && possible(lost.reads))
    starts.push(
      offer({
        word: 'module-first',
        title: `the table, with main sector ${lost.reads} in the first entry, as it reads`,
        why: 'Right if the table before this one began with the same sector, as it does where entries were only added.',
        content: withFirstEntry(content, lost.reads, lost.spare),
      }),
    );
  starts.push(
    offer({
      word: 'module-rest',
      title: 'the table without its first entry',
      why: `Keeps what is known. The data of the first entry stays in spare sector ${lost.spare}, and no sector of main shows it.`,
      content,
      lost: new RemapTable(encodeEntries([[BigInt(lost.reads), BigInt(lost.spare)]])),
    }),
  );
  return starts;
}

/** The content with one entry more, in front of all others. */
function withFirstEntry({ block, table }: Content, main: number, spare: number): Content {
  const first = encodeEntries([[BigInt(main), BigInt(spare)]]);
  const whole = new RemapTable(new Uint8Array(Buffer.concat([first, table.bytes])));
  return contentOf(encodeHeader({ entry_count: whole.count }, block), whole);
}
