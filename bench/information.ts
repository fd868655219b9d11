import { type Bench, line, timesOf } from './bench.js';
import { type Command, race } from './command.js';
import { bareNode, dmremap } from './programs.js';
import { SOME_MAIN_SECTOR, spareImage } from './spare-image.js';

const SIZES = [1_000, 1_000_000];
const TURNS = 7;

/** Commands without a target: so that a change for the worse is seen. */
export function information(folder: string): Bench[] {
  const commands: readonly (readonly [name: string, command: (image: string) => Command])[] = [
    ['info', (image) => dmremap('info', image)],
    ['lookup', (image) => dmremap('lookup', image, String(SOME_MAIN_SECTOR))],
    ['scan', (image) => dmremap('scan', image)],
  ];
  return commands.flatMap(([name, command]) =>
    SIZES.map((count) => {
      const title = `${name}, ${count.toLocaleString('en')} entries`;
      const run = () => {
        const [node, ours] = race([bareNode, command(spareImage(folder, count))], TURNS);
        if (node === undefined || ours === undefined) return [];
        const over = ours.median - node.median;
        const from = `${ours.show('ms')} against ${node.show('ms')}, ${ours.count} runs each`;
        return [line('info', title, `${over.toFixed(0)} ms over node -e 0`, from)];
      };
      return { title, method: timesOf('commands without a target, beside node -e 0', TURNS), run };
    }),
  );
}
