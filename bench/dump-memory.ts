import { join } from 'node:path';
import { type Bench, line, memoryOf, verdict } from './bench.js';
import { peakMemory } from './memory.js';
import { dmremap } from './programs.js';
import { spareImage } from './spare-image.js';

/** More memory for a million entries than for a thousand, at most, in MiB. */
const TARGET = 20;

const FEW = 1_000;
const MANY = 1_000_000;
const RUNS = 5;

/** `dump --format json` streams: its memory does not grow with the table. */
export function dumpMemory(folder: string): Bench[] {
  const outputs = [
    { name: '/dev/null', args: [] },
    { name: '-o FILE', args: ['-o', join(folder, 'dump.json'), '--overwrite'] },
  ];
  return outputs.map(({ name, args }) => {
    const title = `dump --format json to ${name}`;
    const measured = (count: number) =>
      peakMemory(dmremap('dump', '--format', 'json', ...args, spareImage(folder, count)), RUNS);
    const run = () => {
      const [few, many] = [measured(FEW), measured(MANY)];
      const more = many.median - few.median;
      return [
        line(
          verdict(more <= TARGET),
          title,
          `${more.toFixed(1)} MiB more for a million entries than for a thousand (at most ${TARGET})`,
          `${many.show('MiB')} against ${few.show('MiB')}, ${RUNS} runs each`,
        ),
      ];
    };
    const method = memoryOf('dump of a redundant spare in an image file, the medians are compared', RUNS);
    return { title, method, run };
  });
}
