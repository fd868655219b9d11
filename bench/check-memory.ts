import { type Bench, line, memoryOf, verdict } from './bench.js';
import { peakMemory } from './memory.js';
import { checksOf } from './programs.js';
import { spareImage } from './spare-image.js';

/** Memory at its peak, in MiB. */
const TARGET = { entries: 1_000_000, below: 200 };

const RUNS = 3;

/** What `check` of a large table takes of the machine's memory. */
export function checkMemory(folder: string): Bench[] {
  const title = `check, ${TARGET.entries.toLocaleString('en')} entries, memory`;
  const run = () =>
    checksOf(spareImage(folder, TARGET.entries)).map(({ name, command }) => {
      const peak = peakMemory(command, RUNS);
      const result = `${peak.max.toFixed(0)} MiB (below ${TARGET.below})`;
      return line(
        verdict(peak.max < TARGET.below),
        `${title}, ${name}`,
        result,
        `${peak.show('MiB')}, ${RUNS} runs`,
      );
    });
  const method = memoryOf('check of a redundant spare in an image file, the most of all runs counts', RUNS);
  return [{ title, method, run }];
}
