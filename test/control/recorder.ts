import type { Controlled } from '../../src/control/controlled.js';
import { DmremapError } from '../../src/errors.js';
import type { SectorRange } from '../../src/exchange/quantities.js';

export const STATUS_LINE =
  '0 204800 remap v3.0 2/1000 0/1000 2/1000 health=1 errors=W0:R0 auto_remaps=0 manual_remaps=2 scan=0% persist=enabled last_save=1696195200';

/** A set that only notes what it was asked for. It has 3 unsaved remaps and 2 clients. */
export class Recorder implements Controlled {
  readonly asked: string[] = [];
  /** clear() takes until this is called. */
  finishClear: () => void = () => {};

  save = () => this.#note('save');
  restore = async (discard: boolean) => {
    if (!discard) throw new DmremapError('usage', '3 unsaved', { hint: 'save first' });
    return this.#note('restore discard');
  };
  attach = (device: string) => this.#note(`attach ${device}`);
  migrate = (device: string) => this.#note(`migrate ${device}`);
  /** What migrateStatus() says, one after the other. */
  readonly migration: string[] = [];
  migrateStatus = async () => this.migration.shift() ?? 'none';
  migrateCancel = () => this.#note('migrate-cancel');
  status = async () => STATUS_LINE;
  remap = (range: SectorRange) => this.#note(`remap ${range.first}+${range.count}`);
  unremap = (range: SectorRange) => this.#note(`unremap ${range.first}+${range.count}`);
  clear = () =>
    new Promise<string>((resolve) => {
      this.finishClear = () => resolve('2 sectors\nmoved back');
    });
  verify = async (range: SectorRange) => `${range.first} main`;
  stop = async (force: boolean) => {
    if (!force) throw new DmremapError('busy', '2 clients');
    return this.#note('stop force');
  };

  async #note(what: string): Promise<string> {
    this.asked.push(what);
    return '';
  }
}

/** The same while its set moves to another spare. */
export class MovingRecorder extends Recorder {
  override status = async () => `${STATUS_LINE} migration=copying:45%`;
}
