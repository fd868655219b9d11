import { judge } from '../check/checker.js';
import type { FileDevice } from '../device/file-device.js';
import { type Identity, identify } from '../device/identity.js';
import type { Standing } from '../store/choose.js';
import type { Copy } from '../store/copy.js';
import { type Diagnosis, holderOf } from './diagnose.js';
import { diagnoseFully, type FullOptions } from './full-diagnosis.js';
import { lastingName } from './lasting-name.js';
import { withDevice } from './open-device.js';

/** A copy with what it is beside the others. */
export interface CopyInfo {
  readonly copy: Copy;
  readonly standing: Standing;
}

export interface SpareInfo {
  readonly device: Pick<
    FileDevice,
    'path' | 'kind' | 'size' | 'logicalBlockSize' | 'physicalBlockSize' | 'deviceNumber'
  >;
  readonly identity: Identity;
  /** What to call the device in a line that may be typed later. */
  readonly lastingName: string;
  readonly diagnosis: Diagnosis;
  /** The primary first; places where nothing was ever expected and nothing stands are left out. */
  readonly copies: readonly CopyInfo[];
}

/** Everything that the metadata says, valid or not (dmremap info). Works on versions that are not known, too. */
export function readInfo(path: string, options: Pick<FullOptions, 'module' | 'now'>): Promise<SpareInfo> {
  return withDevice(path, 'read', async (device) => {
    const diagnosis = await diagnoseFully(device, { ...options, holder: holderOf(device), skipBeyond: true });
    return {
      device,
      identity: await identify(device),
      lastingName: lastingName(path, device, diagnosis.survey.choice.chosen?.header),
      diagnosis,
      copies: copiesOf(diagnosis),
    };
  });
}

/** The module writes no backup: what lies at the end of its spare is data. */
function copiesOf({ survey }: Diagnosis): CopyInfo[] {
  const { chosen, others } = survey.choice;
  const { primary, backups } = survey.copies;
  const places = survey.module === undefined ? [primary, ...backups] : [primary];
  return places.flatMap((copy): CopyInfo[] => {
    if (copy === chosen) return [{ copy, standing: 'chosen' }];
    const judged = others.find((other) => other.copy === copy);
    return judged === undefined ? [] : [{ copy, standing: judged.standing }];
  });
}

/** The exit code of commands that exit as `check -n`. */
export function verdictOf({ problems }: Diagnosis): number {
  return judge(problems, 'read').exitCode;
}
