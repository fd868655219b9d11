import { withRow } from '../check/checker.js';
import type { Finding, Problem } from '../check/finding.js';
import type { BlockDevice } from '../device/block-device.js';
import { OverlayDevice } from '../device/filters/overlay-device.js';
import { backupHeaderPlace } from '../format/geometry.js';
import { isRedundant } from '../format/header.js';
import type { Candidate } from '../repair/reconstruct/candidate.js';
import type { Witness } from '../repair/reconstruct/reading.js';
import { reconstruct } from '../repair/reconstruct/reconstruct.js';
import { eraseHeader, leavingHeaders, wholeCopy } from '../store/commit.js';
import { type Content, placeOf } from '../store/content.js';
import type { CopyName } from '../store/copy.js';
import { carryOut, inParts, type Phase } from '../store/phase.js';
import { correctOverlay } from './correct-overlay.js';
import { type Diagnosis, diagnose } from './diagnose.js';
import { readDamagedSet } from './reconstruct.js';
import type { SurveyOptions } from './survey.js';

/** The one proven content of a set on which no copy is valid, and what `check -y` makes of it. */
export interface ProvenContent {
  readonly candidate: Candidate;
  /** That no copy is valid, and everything else that is wrong once this content stands there. */
  readonly problems: readonly Problem[];
  /** The writes after which nothing that -y corrects is left: first this content, then the rest. */
  readonly phases: readonly Phase[];
}

/**
 * Searches for what a set held on which no copy is valid (format.md section 6). Undefined where nothing is
 * proven. What would become of the device is tried on an overlay, with the same rules as any check. Reads only.
 *
 * @param options `now` is the time of the commits that corrections make, in Unix seconds
 */
export async function findProven(
  device: BlockDevice,
  { survey, problems }: Diagnosis,
  witnesses: readonly Witness[],
  options: SurveyOptions & { readonly now: bigint },
): Promise<ProvenContent | undefined> {
  const damaged = await readDamagedSet(device, survey.copies, witnesses);
  const candidate = reconstruct(damaged, witnesses).candidates.find(({ proven }) => proven);
  if (candidate === undefined) return undefined;
  const after = new OverlayDevice(device);
  const parts: (readonly Phase[])[] = [writeContent(candidate, device)];
  await carryOut(after, inParts(parts));
  const first = await diagnose(after, options);
  parts.push(...(await correctOverlay(after, first, 'yes', options)));
  return {
    candidate,
    problems: [withRow(findingOf(candidate, problems)), ...first.problems],
    phases: inParts(parts),
  };
}

/**
 * The copies whose own checksum is the one of the content; the other one is corrected as any damaged copy. Where the
 * first one cannot be written the other one takes the content.
 */
function writeContent({ content, fits }: Candidate, { logicalBlockSize, size }: BlockDevice): Phase[] {
  const copies = (['backup', 'primary'] as const).filter((copy) => fits.includes(copy));
  const phases = copies.map((copy, index): Phase => {
    const phase = writeTo(content, copy);
    if (!isRedundant(content.header)) return phase;
    const secure = index === 0 ? [writeTo(content, copy === 'backup' ? 'primary' : 'backup')] : [];
    const { headerAt } = placeOf(content.header, copy);
    const tidy = [eraseHeader(headerAt, logicalBlockSize, `the ${copy} header`)];
    const { generation } = content.header;
    return { ...phase, ifFails: { copy, secure, tidy, stands: 'after', generation } };
  });
  // a backup that is not at the end is found by what the primary says
  const atEnd = placeOf(content.header, 'backup').headerAt === backupHeaderPlace(size);
  return atEnd ? phases : leavingHeaders(phases);
}

function writeTo(content: Content, copy: CopyName): Phase {
  return { purpose: `write the proven content to the ${copy} copy`, writes: wholeCopy(content, copy) };
}

function findingOf({ why }: Candidate, problems: readonly Problem[]): Finding {
  const detail = problems.find(({ id }) => id === 'no-valid-copy')?.detail ?? '';
  return { id: 'no-valid-copy-proven', detail, expected: why.replace(/\.$/, '') };
}
