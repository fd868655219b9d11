import type { RemapTable } from '../format/entry.js';
import type { Choice } from '../store/choose.js';
import type { ModuleImage } from '../store/module-image.js';
import type { Bytes, Sectors } from '../units.js';
import type { EntryPlace } from './finding.js';

/** A known signature of something else, in the place of a copy. */
export interface ForeignSignature {
  readonly name: string;
  readonly at: Bytes;
}

/** What stands beyond spare_device_size on a device that has grown. */
export interface Beyond {
  /** Reads as zero, or as the move of the backup itself writes it there (format.md section 5). */
  readonly free: boolean;
  /** The first sector that forbids an unattended move. */
  readonly firstOccupied?: Sectors;
}

export interface MainFacts {
  readonly name: string;
  readonly size: Sectors;
  /** As main_id would hold it; empty where the device has none. */
  readonly id: string;
}

/** Live spare sectors that could not be read. */
export interface MediaResult {
  readonly badSectors: readonly Sectors[];
}

/** One slot of two tables that should be equal. */
export interface TableDifference {
  readonly first: EntryPlace;
  readonly second: EntryPlace;
}

/** What the data of a sector on main and on the spare says of an entry. */
export type SectorVerdict = 'equal' | 'main-newer' | 'spare-newer' | 'differ';

/** What main tells of the entries of the kernel module. */
export interface ModuleMain {
  /** By index of the entry, of those that 4 KiB requests never reached. */
  readonly compared: ReadonlyMap<number, SectorVerdict>;
  /** Sectors of main that no entry names and that cannot be read, near those that entries name. */
  readonly unreadable: readonly number[];
  /** Others of which a kernel log tells failed requests. */
  readonly logged: readonly number[];
}

/** Everything that was learned about one spare: what the rules judge. Gathered without a write. */
export interface Survey {
  readonly deviceSize: Bytes;
  readonly choice: Choice;
  /** The live entries of the chosen copy. */
  readonly table: RemapTable | undefined;
  /** By header place of a damaged copy, and of the backup where it is to move to. */
  readonly foreign: ReadonlyMap<Bytes, readonly ForeignSignature[]>;
  readonly beyond: Beyond | undefined;
  /** Of two whole copies that contradict each other, by their place. */
  readonly difference: TableDifference | undefined;
  /** What the kernel module left here; only where no checksum of ours fits. */
  readonly module: ModuleImage | undefined;
  /** Of an image of the module, where main was named. */
  readonly moduleMain: ModuleMain | undefined;
  /** Who holds the device, where it is in use. */
  readonly holder: string | undefined;
  readonly main: MainFacts | undefined;
  readonly media: MediaResult | undefined;
}
