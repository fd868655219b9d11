import { mediumRelation, samePhysicalDisk } from '../../device/same-medium.js';
import { DmremapError } from '../../errors.js';
import { type Header, hasExtension } from '../../format/header.js';
import { attachedMains, type MainChoice, type MainDevice, resolveMain } from '../main-device.js';
import { judgeRelation, type NamedMedium } from '../main-relation.js';

/** What is known of the main of a set that is moved. */
export interface MainOfSet {
  /** Every device that is main, or looks like it. */
  readonly devices: readonly MainDevice[];
  readonly warnings: readonly string[];
}

/**
 * The main that was named, or what has its recorded identity: no spare may be it, nor an undo file lie on it.
 *
 * @throws DmremapError as resolveMain
 */
export async function mainOfSet(source: NamedMedium, header: Header, choice: MainChoice): Promise<MainOfSet> {
  if (choice.main === undefined)
    return { devices: hasExtension(header) ? await attachedMains(header) : [], warnings: [] };
  const main = await resolveMain(source, header, choice);
  return { devices: [main], warnings: main.warnings };
}

/**
 * Refuses a target that is main or the source, in whole or in part.
 *
 * @returns warnings
 * @throws DmremapError `wrong-device`
 */
export function judgeTarget(target: NamedMedium, source: NamedMedium, { devices }: MainOfSet): string[] {
  const relation = mediumRelation(target, source);
  if (relation !== 'apart') {
    const where = { same: 'is', inside: 'lies inside', around: 'contains' }[relation];
    throw new DmremapError('wrong-device', `${target.path} ${where} ${source.path} itself`, {
      hint: 'a set moves to a spare that is a device of its own',
    });
  }
  const warnings = devices.flatMap((main) => judgeRelation(target, main) ?? []);
  if (samePhysicalDisk(target, source))
    warnings.push(`${target.path} and ${source.path} lie on the same physical disk: when it dies, both die`);
  return warnings;
}
