import { dirname, resolve } from 'node:path';
import { busy, usersBeside } from '../device/claim.js';
import { findMapping, type Mapping, mappingTable } from '../device/mapping.js';
import { mediumRelation } from '../device/same-medium.js';
import { withRoots } from '../device/sysfs.js';
import { DmremapError } from '../errors.js';
import { quoted } from '../exchange/quoted.js';
import type { Content } from '../store/content.js';
import { groundOf } from '../undo/filesystem.js';
import { lastingName } from './lasting-name.js';
import type { SetToChange } from './set-to-change.js';
import { type DmTable, linearTable } from './table.js';

/** A mapping that waits for the operator. */
export interface LeftMapping {
  readonly name: string;
  /** To be loaded into it before it goes on; undefined where it has the right one. */
  readonly table: DmTable | undefined;
}

/**
 * The mapping of a set (dmremap table), suspended, under which the set is changed: nobody else may use its devices,
 * and until the mapping is resumed nothing is written through it.
 */
export class OwnMapping {
  readonly #mapping: Mapping;
  /** The line that lets the mapping go on; undefined where nobody can say. */
  #goOn: string | undefined;

  private constructor(mapping: Mapping) {
    this.#mapping = mapping;
    this.#goOn = resumeLine(mapping.name);
  }

  /**
   * @param named its name or the path of its node
   * @throws DmremapError `no-such-device`; `busy` where it is not suspended
   */
  static find(named: string): OwnMapping {
    const mapping = findMapping(named);
    if (mapping === undefined)
      throw new DmremapError('no-such-device', `there is no device-mapper device ${named}`, {
        hint: 'dmsetup ls lists them',
      });
    return new OwnMapping(suspended(mapping));
  }

  get name(): string {
    return this.#mapping.name;
  }

  /** "MAJ:MIN". */
  get number(): string {
    return this.#mapping.number;
  }

  /**
   * That the mapping is the set's own, still suspended, and all that uses its devices, and that its table is that of
   * the metadata as it was found. Asked again before the first write.
   *
   * @throws DmremapError `busy`; `wrong-device` where it is not the set's; `changed-since` where its table is another;
   * `unsupported` without dmsetup
   */
  async check(set: SetToChange): Promise<void> {
    const { spare, main, corrected } = set;
    this.#refuseOther();
    const own = this.tableOf(corrected.before, set);
    this.#refuseForeign(own);
    for (const device of [spare, main]) {
      const users = usersBeside(device, this.number, withRoots());
      if (users.length > 0) throw busy(device.path, users);
    }
    await this.#refuseOtherTable(own, this.#loadLine(set));
  }

  /**
   * A file on what is suspended would be waited for until it is resumed.
   *
   * @param file that is to be read or written; need not be there
   * @throws DmremapError `usage`
   */
  refuseFile(file: string, { main }: SetToChange): void {
    const roots = withRoots();
    const { media } = groundOf(dirname(resolve(file)), roots);
    if (!media.some((medium) => mediumRelation(medium, main, roots) !== 'apart')) return;
    throw new DmremapError('usage', `${file} lies on main, which is suspended with ${this.name}`);
  }

  /** The set is changed from here on: what its metadata says then is to be loaded before the mapping goes on. */
  begin(set: SetToChange): void {
    this.#goOn = this.#loadLine(set);
  }

  /**
   * That nothing was written through the mapping while the set was changed.
   *
   * @throws DmremapError `busy`
   */
  refuseResumed({ spare, corrected }: SetToChange): void {
    try {
      this.#refuseOther();
    } catch (error) {
      if (!(error instanceof DmremapError)) throw error;
      throw new DmremapError(error.code, `${error.message}, and it was while its set was changed`, {
        hint:
          'what was written to the remapped sectors meanwhile lies on main only: load no other table, but remove ' +
          `the mapping, then: dmremap undo ${lastingName(spare.path, spare, corrected.before.header)}`,
        data: error.data,
        cause: error,
      });
    }
  }

  /** The table that the mapping has to have with this content. @throws DmremapError `unsupported` as linearTable */
  tableOf(content: Content, { spare, main }: Pick<SetToChange, 'spare' | 'main'>): DmTable {
    return { ...linearTable(content, main, spare, this.#mapping.readOnly), name: this.name };
  }

  /** An error that leaves the mapping suspended, which now says so and how it goes on. */
  leftSuspended(error: unknown): unknown {
    if (!(error instanceof DmremapError) || this.#goOn === undefined) return error;
    const { code, message, hint, data } = error;
    const more = `${this.name} is left suspended; to let it go on: ${this.#goOn}`;
    return new DmremapError(code, message, {
      hint: hint === undefined ? more : `${hint}; ${more}`,
      data,
      cause: error,
    });
  }

  #loadLine({ spare, main, corrected }: SetToChange): string {
    const ofSpare = lastingName(spare.path, spare, corrected.before.header);
    const table = `dmremap table ${ofSpare} --main ${lastingName(main.path, main, undefined)}`;
    return `${table} | dmsetup reload ${this.name} && ${resumeLine(this.name)}`;
  }

  #refuseOther(): void {
    const { name, uuid, number } = this.#mapping;
    const now = findMapping(name);
    const same = now !== undefined && now.uuid === uuid && now.number === number;
    if (same && now.suspended) return;
    this.#goOn = undefined;
    if (same) suspended(now);
    throw new DmremapError('busy', `the mapping ${name} is no longer there`);
  }

  #refuseForeign(own: DmTable): void {
    const { name, uuid } = this.#mapping;
    if (uuid === own.uuid) return;
    const hint = `if it was made of its table: dmsetup rename ${name} --setuuid ${own.uuid}`;
    throw new DmremapError(
      'wrong-device',
      `${name} is not known as a mapping of this set: it has ${uuid === '' ? 'no uuid' : `the uuid ${uuid}`}, not ${own.uuid}`,
      uuid === '' ? { hint } : {},
    );
  }

  async #refuseOtherTable(own: DmTable, load: string): Promise<void> {
    const [live, waiting] = await Promise.all([
      mappingTable(this.#mapping, 'live'),
      mappingTable(this.#mapping, 'inactive'),
    ]);
    if (live === undefined || waiting === undefined)
      throw new DmremapError(
        'unsupported',
        `the table of ${this.name} cannot be read: dmsetup does not tell it`,
      );
    const difference = firstDifference(live, own.lines);
    if (waiting.length === 0 && difference === undefined) return;
    this.#goOn = undefined;
    if (waiting.length > 0)
      throw new DmremapError('changed-since', `${this.name} has another table waiting to be resumed`, {
        hint: `to drop it: dmsetup clear ${this.name}`,
      });
    throw new DmremapError(
      'changed-since',
      `the table of ${this.name} is not that of the set: ${difference}`,
      {
        hint: `if it was suspended for a remap and not resumed since, this loads what is missing: ${load}`,
      },
    );
  }
}

/** @throws DmremapError `busy` */
function suspended(mapping: Mapping): Mapping {
  if (mapping.suspended) return mapping;
  throw new DmremapError('busy', `${mapping.name} is not suspended`, {
    hint: `first: dmsetup suspend ${mapping.name}`,
  });
}

function resumeLine(name: string): string {
  return `dmsetup resume ${name}`;
}

/** In words; undefined where all lines are the same. */
function firstDifference(live: readonly string[], own: Iterable<string>): string | undefined {
  let index = 0;
  for (const line of own) {
    const there = live[index++];
    if (there !== line)
      return `line ${index} is ${there === undefined ? 'missing' : quoted(there)}, not ${quoted(line)}`;
  }
  return live.length > index
    ? `line ${index + 1} is ${quoted(live[index] ?? '')}, and none should be`
    : undefined;
}
