import { HEADER, hasExtension } from '../../format/header.js';
import { fieldNamed } from '../../layout/layout.js';
import type { Finding } from '../finding.js';
import type { Survey } from '../survey.js';

/** Identity and size of main, where it was given. */
export function ruleMain({ choice: { chosen }, main }: Survey): Finding[] {
  if (chosen === undefined || main === undefined) return [];
  const { main_device_size, main_id } = chosen.header;
  const at = (field: string) => ({
    copy: chosen.name,
    field,
    byte: chosen.headerAt + fieldNamed(HEADER, field).offset,
  });
  const findings: Finding[] = [];
  if (main_device_size !== BigInt(main.size))
    findings.push({
      id: 'main-size-differs',
      ...at('main_device_size'),
      stored: main_device_size,
      expected: main.size,
      detail: main.name,
    });
  if (hasExtension(chosen.header) && main_id !== '' && main_id !== main.id)
    findings.push({
      id: 'main-identity-differs',
      ...at('main_id'),
      stored: main_id,
      expected: main.id === '' ? 'without an identity' : main.id,
      detail: main.name,
    });
  return findings;
}

/** Live spare sectors that could not be read (check --media). */
export function ruleMedia({ media }: Survey): Finding[] {
  const [first] = media?.badSectors ?? [];
  if (media === undefined || first === undefined) return [];
  return [{ id: 'data-unreadable', count: media.badSectors.length, detail: String(first) }];
}

export function ruleHolder({ holder }: Survey): Finding[] {
  return holder === undefined ? [] : [{ id: 'held', detail: holder }];
}
