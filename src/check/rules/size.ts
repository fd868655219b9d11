import { backupHeaderPlace, dataStart, redundantGeometry } from '../../format/geometry.js';
import { HEADER, isRedundant } from '../../format/header.js';
import { fieldNamed } from '../../layout/layout.js';
import type { Copy } from '../../store/copy.js';
import { bytesToSectors } from '../../units.js';
import type { Finding } from '../finding.js';
import type { Survey } from '../survey.js';

/** A device that is larger or smaller than its metadata says (format.md section 5). */
export function ruleSize(survey: Survey): Finding[] {
  const chosen = survey.choice.chosen;
  if (chosen === undefined) return [];
  const known = chosen.header.spare_device_size;
  const real = bytesToSectors(survey.deviceSize);
  if (known === BigInt(real)) return [];
  const facts = {
    copy: chosen.name,
    field: 'spare_device_size',
    byte: chosen.headerAt + fieldNamed(HEADER, 'spare_device_size').offset,
    stored: known,
    expected: real,
  };
  if (known > BigInt(real)) return [{ id: 'device-shrunk', ...facts, detail: shrunkOutlook(survey, chosen) }];
  const grown: Finding =
    survey.beyond === undefined || survey.beyond.free
      ? { id: 'device-grown', ...facts }
      : { id: 'device-grown-occupied', ...facts, detail: String(survey.beyond.firstOccupied) };
  // it may lie in the tail that the device had before, which is not beyond its known size
  return [grown, ...foreignAtNewEnd(survey)];
}

/** What the move of the backup must not write over by any flag; a damaged backup tells of it already. */
function foreignAtNewEnd({ choice, deviceSize, foreign }: Survey): Finding[] {
  if (choice.others.some(({ copy, standing }) => standing === 'damaged' && copy.name === 'backup')) return [];
  const signatures = foreign.get(backupHeaderPlace(deviceSize)) ?? [];
  return signatures.map(
    ({ name, at }): Finding => ({ id: 'copy-foreign-signature', copy: 'backup', byte: at, detail: name }),
  );
}

/** Whether the remaps could live on the smaller device. */
function shrunkOutlook({ table, deviceSize }: Survey, chosen: Copy): string {
  const { max_entries } = chosen.header;
  const end = isRedundant(chosen.header)
    ? redundantGeometry(backupHeaderPlace(deviceSize), max_entries).backup_table
    : bytesToSectors(deviceSize);
  if (table === undefined || end < dataStart(max_entries)) return 'The metadata does not fit it';
  for (const index of table.live())
    if (table.spareSector(index) >= end) return 'Some remapped sectors lie beyond its end';
  return 'All remapped sectors lie within it';
}
