import { type Bench, line, verdict } from './bench.js';
import { race } from './command.js';
import { checksOf } from './programs.js';
import { spareImage } from './spare-image.js';
import { thinCheck } from './thin-metadata.js';

/** Of the time of thin_check, at most, with a table of so many entries. */
const TARGET = { entries: 1_000_000, ratio: 0.6 };

const SIZES = [1_000, 100_000, TARGET.entries];
const TURNS = 21;

/** `check` of both copies of a table, start-up included, beside thin_check of as many mappings. */
export function checkTables(folder: string): Bench[] {
  return SIZES.map((count) => {
    const title = `check, ${count.toLocaleString('en')} entries`;
    return { title, run: () => checkTable(folder, title, count) };
  });
}

function checkTable(folder: string, title: string, count: number): string[] {
  const peer = thinCheck(folder, count);
  const image = spareImage(folder, count);
  const programs = checksOf(image);
  const [theirs, ...ours] = race([peer, ...programs.map(({ command }) => command)], TURNS);
  return programs.flatMap(({ name }, index) => {
    const samples = ours[index];
    if (samples === undefined || theirs === undefined) return [];
    const ratio = samples.median / theirs.median;
    const isTarget = count === TARGET.entries;
    const limit = isTarget ? ` (at most ${TARGET.ratio.toFixed(2)})` : '';
    return [
      line(
        isTarget ? verdict(ratio <= TARGET.ratio) : 'info',
        `${title}, ${name}`,
        `${ratio.toFixed(2)} of thin_check's time${limit}`,
        `${samples.show('ms')} against ${theirs.show('ms')}, ${samples.count} runs each`,
      ),
    ];
  });
}
