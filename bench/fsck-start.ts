import { type Bench, line, timesOf, verdict } from './bench.js';
import { race } from './command.js';
import { bareNode, dmremap, fsck } from './programs.js';
import { spareImage } from './spare-image.js';

/** Over the time of Node itself, at most, in milliseconds. */
const TARGET = 60;

const ENTRIES = 100;
const TURNS = 41;

/** What it costs to look at a small healthy spare: nearly all of it is the start of the program. */
export function fsckStart(folder: string): Bench[] {
  const title = 'start, small healthy spare';
  const run = () => {
    const image = spareImage(folder, ENTRIES);
    const [node, ofFsck, ofCheck] = race([bareNode, fsck(image), dmremap('check', image)], TURNS);
    if (node === undefined || ofFsck === undefined || ofCheck === undefined) return [];
    const over = (samples: typeof node) => samples.median - node.median;
    const from = (samples: typeof node) =>
      `${samples.show('ms')} against ${node.show('ms')}, ${samples.count} runs each`;
    return [
      line(
        verdict(over(ofFsck) <= TARGET),
        `${title}, fsck.dmremap3`,
        `${over(ofFsck).toFixed(0)} ms over node -e 0 (at most ${TARGET})`,
        from(ofFsck),
      ),
      line('info', `${title}, dmremap check`, `${over(ofCheck).toFixed(0)} ms over node -e 0`, from(ofCheck)),
    ];
  };
  const method = timesOf(`check of a redundant spare of ${ENTRIES} entries beside node -e 0`, TURNS);
  return [{ title, method, run }];
}
