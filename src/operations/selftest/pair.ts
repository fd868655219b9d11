import type { BlockDevice } from '../../device/block-device.js';
import { ROLE } from '../../format/header.js';
import { activeOf, standingOf } from '../../migrate/standing.js';
import { loadChoice } from '../../store/load-choice.js';
import { memberOf } from '../migrate/look.js';

/** Which of two spares counts, by the table of format.md section 8; undefined where none does. */
export async function activeSpare(from: BlockDevice, to: BlockDevice): Promise<BlockDevice | undefined> {
  const [source, target] = [await memberOn(from), await memberOn(to)];
  if (source === undefined) return target?.role === ROLE.active ? to : undefined;
  const active = activeOf(standingOf({ from: source, to: target }));
  return active === undefined ? undefined : { from, to }[active];
}

async function memberOn(device: BlockDevice) {
  const { chosen } = (await loadChoice(device)).choice;
  return chosen === undefined ? undefined : memberOf(device.name, chosen.header);
}
