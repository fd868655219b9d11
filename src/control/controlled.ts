import type { SectorRange } from '../exchange/quantities.js';

/**
 * A served set, as those see it who operate it. Each gives what is said after `ok`, on one line, empty for
 * nothing; and throws a DmremapError, whose message and hint are said after `error`, where it was not done.
 */
export interface Controlled {
  /** Commits the metadata now. */
  save(): Promise<string>;
  /** Loads the table from the spare again; unsaved remaps are forgotten only if that is meant. */
  restore(discard: boolean): Promise<string>;
  /** Takes the same spare back under a new name. */
  attach(device: string): Promise<string>;
  /** Begins to move the set to another spare; clients go on. */
  migrate(device: string): Promise<string>;
  /** How far that has come: its phase, bytes done and in all, the device, and why it failed. */
  migrateStatus(): Promise<string>;
  /** Ends it; the old spare stays in use. */
  migrateCancel(): Promise<string>;
  /** The status line. */
  status(): Promise<string>;
  remap(range: SectorRange): Promise<string>;
  unremap(range: SectorRange): Promise<string>;
  /** Moves all sectors back to main. */
  clear(): Promise<string>;
  /** Where sectors of main live. */
  verify(range: SectorRange): Promise<string>;
  /** Stops serving, soon after it has answered; while clients are attached only if that is meant. */
  stop(force: boolean): Promise<string>;
}
