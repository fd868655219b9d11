import { bytesOf, u32, u64 } from '../support/format-numbers.js';
import { ahead, examine } from '../support/reader-copies.js';

/** A second reading of the table of format.md section 8. */

/** Which of the two spares of a migration is active; undefined where none can be told. */
export function activeOf(from: Buffer, to: Buffer): 'from' | 'to' | undefined {
  const [source, target] = [chosen(from), chosen(to)];
  if (source === undefined) return undefined;
  const role = (header: Buffer): number => u32(header, 'role');
  if (role(source) === 0 && (target === undefined || role(target) === 1)) return 'from';
  if (target === undefined || !names(target, source)) return undefined;
  if (role(source) === 2 && names(source, target)) {
    if (role(target) === 0) return 'to';
    const isComplete = u64(target, 'migration_cursor') === BigInt(u32(target, 'entry_count'));
    const isNext = u32(source, 'generation') === u32(target, 'peer_generation') + 1;
    return role(target) === 1 && isComplete && isNext ? 'to' : undefined;
  }
  if (role(source) !== 0 || role(target) !== 0) return undefined;
  const isTargetNewer = ahead(u32(target, 'generation'), u32(source, 'generation')) > 0;
  if (isTargetNewer) return 'to';
  return names(source, target) ? 'from' : undefined;
}

/** As the newest valid copy says it. */
export function roleOf(image: Buffer): number | undefined {
  const header = chosen(image);
  return header === undefined ? undefined : u32(header, 'role');
}

/** The header of the newest valid copy. */
function chosen(image: Buffer): Buffer | undefined {
  const { primary, backups } = examine(image);
  const valid = [primary, ...backups].filter(({ kind }) => kind === 'valid').map(({ header }) => header);
  return valid.reduce<Buffer | undefined>(
    (best, one) =>
      best === undefined || ahead(u32(one, 'generation'), u32(best, 'generation')) > 0 ? one : best,
    undefined,
  );
}

function names(one: Buffer, other: Buffer): boolean {
  return bytesOf(one, 'peer_uuid').equals(bytesOf(other, 'spare_uuid'));
}
