import { wholeCopy } from '../../store/commit.js';
import { contentOf, nextContent } from '../../store/content.js';
import { loadChoice } from '../../store/load-choice.js';
import { carryOut } from '../../store/phase.js';
import { MetadataWriter } from '../../store/writer.js';
import { CAUTIOUS } from '../repair/operator.js';
import { repairSpare } from '../repair/repair.js';
import { command, options } from './changes.js';
import type { Work } from './run-once.js';
import type { Stage } from './stage.js';

/** `repair` as somebody decides who takes the first candidate, and the first answer to each question. */
export function repair(): Work {
  return command(async (stage) => {
    await repairSpare(stage.path, {
      ...options(stage),
      main: undefined,
      fromDump: undefined,
      plan: undefined,
      operator: {
        start: async (found, diagnosis) => (await CAUTIOUS.start(found, diagnosis)) ?? found.starts[0],
        answer: async ({ answers }) => answers[0],
        consider: () => {},
      },
      saveDropped: async () => '',
    });
  });
}

/** Two entries get one sector of main, by a right checksum. */
export async function duplicate({ device, now }: Stage): Promise<void> {
  const writer = await MetadataWriter.open(device);
  const { table } = writer.content;
  if (table.count < 2) return;
  await writer.commit({ edit: new Map([[0, [table.mainSector(1), table.spareSector(0)]]]) }, now);
}

/** The primary of a redundant set gets another content of the same generation. */
export async function contradict({ device, now }: Stage): Promise<void> {
  const { choice, table } = await loadChoice(device);
  const { chosen } = choice;
  if (chosen === undefined || table === undefined) return;
  const { generation, main_device_size: size } = chosen.header;
  const other = nextContent(contentOf(chosen.block, table), { generation, main_device_size: size + 8n }, now);
  await carryOut(device, [{ purpose: 'contradict', writes: wholeCopy(other, 'primary') }]);
}
