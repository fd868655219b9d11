import { type Medium, mediumRelation, samePhysicalDisk } from '../device/same-medium.js';
import { DmremapError } from '../errors.js';

/** A device as somebody named it. */
export interface NamedMedium extends Medium {
  readonly path: string;
}

/**
 * Refuses a spare that is equal to, inside or around main (cli.md, "Devices").
 *
 * @returns a warning where both lie on one physical disk, else undefined
 * @throws DmremapError `wrong-device`
 */
export function judgeRelation(spare: NamedMedium, main: NamedMedium): string | undefined {
  const relation = mediumRelation(spare, main);
  if (relation !== 'apart') {
    const where = { same: 'is', inside: 'lies inside', around: 'contains' }[relation];
    throw new DmremapError('wrong-device', `the spare ${spare.path} ${where} main ${main.path}`, {
      hint: 'a spare is a device of its own',
    });
  }
  return samePhysicalDisk(spare, main)
    ? `${spare.path} and ${main.path} lie on the same physical disk: when it dies, both die`
    : undefined;
}
