import { randomUUID } from 'node:crypto';
import type { BlockDevice } from '../../device/block-device.js';
import { ConcurrentFile } from '../../device/concurrent-file.js';
import type { FileDevice } from '../../device/file-device.js';
import { mediumRelation } from '../../device/same-medium.js';
import { DmremapError } from '../../errors.js';
import { type Header, ROLE } from '../../format/header.js';
import type { SourceIdentity } from '../../migrate/identity.js';
import type { Content } from '../../store/content.js';
import { carryOut } from '../../store/phase.js';
import type { MainDevice } from '../main-device.js';
import { judgeRelation, type NamedMedium } from '../main-relation.js';
import { type FoundTarget, lookAtTarget } from '../migrate/look.js';
import { refuseOtherSet } from '../migrate/plan.js';
import { planTarget } from '../migrate/prepare.js';
import { findOccupant, refuseForeign, refuseLiveEntries } from '../occupant.js';
import { openNamed, withDevice } from '../open-device.js';

/** Makes devices the targets of migrations of a set that is served. */
export class LiveTargets {
  readonly #main: MainDevice;
  /** What the set was on at first. */
  readonly #spare: NamedMedium;
  /** What it may have moved to since, by spare_uuid. */
  readonly #targets = new Map<string, NamedMedium>();
  readonly #now: () => bigint;

  /** @param now Unix seconds */
  constructor(main: MainDevice, spare: NamedMedium, now: () => bigint) {
    this.#main = main;
    this.#spare = spare;
    this.#now = now;
  }

  /** For a plain spare, which has none. */
  identity(): SourceIdentity {
    return { setUuid: randomUUID(), spareUuid: randomUUID(), mainId: this.#main.id };
  }

  /**
   * Refuses what must not be overwritten, then does step 1 of format.md section 8. No question is asked, so
   * nothing that somebody may need is erased.
   *
   * @throws DmremapError `wrong-device` for main, the spare in use, live entries and foreign content; `too-small`;
   * `busy`, `retired`, `incomplete`; as openDevice
   */
  async prepare(path: string, source: Content): Promise<BlockDevice> {
    await this.#refuseOwn(path, source.header);
    const device = await openNamed(path, 'exclusive');
    try {
      const found = await lookAtTarget(device, source.header);
      if (!isOwnTarget(found, source.header)) await refuseOccupied(device);
      const { occupant, newest, spare } = found;
      const spareUuid = spare?.member.spare_uuid ?? randomUUID();
      const { max_entries: maxEntries } = source.header;
      const request = { maxEntries, spareUuid, newest, now: this.#now() };
      const { phases } = await planTarget(source, { device, erasures: occupant.erasures }, request);
      await carryOut(device, phases);
      this.#targets.set(spareUuid, device);
      return await ConcurrentFile.open(device, 'writeback');
    } catch (error) {
      await device.close();
      throw error;
    }
  }

  /** Before it is locked: what we hold ourselves would be said to be busy. */
  #refuseOwn(path: string, { spare_uuid }: Header): Promise<void> {
    const inUse = this.#targets.get(spare_uuid) ?? this.#spare;
    return withDevice(path, 'read', async (device) => {
      judgeRelation(device, this.#main);
      if (mediumRelation(device, inUse) !== 'apart')
        throw new DmremapError('wrong-device', `${path} is the spare in use, or shares bytes with it`);
    });
  }
}

/** Of a migration of this source that has not ended. */
function isOwnTarget({ spare }: FoundTarget, source: Header): boolean {
  return spare?.member.role === ROLE.target && spare.member.peer_uuid === source.spare_uuid;
}

async function refuseOccupied(device: FileDevice): Promise<void> {
  const occupant = await findOccupant(device);
  refuseLiveEntries(device.path, occupant, undefined);
  refuseOtherSet(device.path, occupant, undefined);
  refuseForeign(device.path, occupant, false);
}
