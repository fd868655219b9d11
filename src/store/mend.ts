import type { BlockDevice } from '../device/block-device.js';
import { DmremapError } from '../errors.js';
import { generationAfterFailure, isNewer } from '../format/generation.js';
import { type Choice, isEvidence, type Judged } from './choose.js';
import { headerSector, rewrite } from './commit.js';
import { type Content, contentOf, underGeneration } from './content.js';
import type { LoadedChoice } from './load-choice.js';
import { needsMove } from './move.js';
import type { Phase } from './phase.js';

/** What has to be so before the first commit: both copies whole and equal (format.md section 4). */

/**
 * The content that commits begin with.
 *
 * @throws DmremapError `changed-since` where `check` has to come first
 */
export function contentToWrite(device: BlockDevice, { choice, table }: LoadedChoice): Content {
  const { chosen, others, unsupported } = choice;
  const wait = (what: string) =>
    new DmremapError('changed-since', `${device.name}: ${what}`, {
      hint: `look at it first: dmremap check ${device.name}`,
    });
  if (chosen === undefined || table === undefined) throw wait('no copy of its metadata counts');
  if (unsupported.length > 0) throw wait('a copy has a version or a feature that is not known');
  if (!others.every((one) => isEqual(one) || isMendable(one)))
    throw wait('another copy lies there that must not be written over');
  const content = contentOf(chosen.block, table);
  if (needsMove(content, device.size)) throw wait('it has grown, and its backup is not at its end yet');
  return content;
}

/** The phases that rewrite every other copy that is not whole and equal; none where all are. */
export function mendingPhases(choice: Choice, content: Content, logicalBlockSize: number): Phase[] {
  return choice.others.filter(isMendable).map((judged) => mend(judged, content, logicalBlockSize));
}

function isEqual({ standing }: Judged): boolean {
  return standing === 'equal';
}

function isMendable({ standing, claims }: Judged): boolean {
  return (standing === 'damaged' || standing === 'stale') && claims.length === 0;
}

/** Where the copy may hold a newer generation and cannot be written, the other one goes beyond that. */
function mend({ copy }: Judged, content: Content, logicalBlockSize: number): Phase {
  const phase = rewrite(content, copy.name, logicalBlockSize);
  const claimed = copy.header.generation;
  if (phase.ifFails === undefined || !isEvidence(copy) || !isNewer(claimed, content.header.generation))
    return phase;
  const generation = generationAfterFailure(claimed);
  const other = copy.name === 'primary' ? 'backup' : 'primary';
  const secure = [headerSector(underGeneration(content, generation), other, logicalBlockSize)];
  return { ...phase, ifFails: { ...phase.ifFails, secure, generation } };
}
