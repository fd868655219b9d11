import { type Bench, line, PeerMissing, timesOf, verdict } from './bench.js';
import { type Command, race } from './command.js';
import { checksOf } from './programs.js';
import type { Samples } from './samples.js';
import { spareImage } from './spare-image.js';
import { thinCheck } from './thin-metadata.js';

/** Of the time of thin_check, at most, with a table of so many entries. */
const TARGET = { entries: 1_000_000, ratio: 0.6 };

const SIZES = [1_000, 100_000, TARGET.entries];
const TURNS = 21;

const METHOD = timesOf(
  "check of a redundant spare, both copies, beside thin_check of device-mapper's thin metadata with as many " +
    'mappings of single blocks',
  TURNS,
);

/** `check` of both copies of a table, start-up included, beside thin_check of as many mappings. */
export function checkTables(folder: string): Bench[] {
  return SIZES.map((count) => {
    const title = `check, ${count.toLocaleString('en')} entries`;
    return { title, method: METHOD, run: () => checkTable(folder, title, count) };
  });
}

function checkTable(folder: string, title: string, count: number): string[] {
  const programs = checksOf(spareImage(folder, count));
  const commands = programs.map(({ command }) => command);
  const peer = peerOr(() => thinCheck(folder, count));
  if (peer instanceof PeerMissing) {
    const samples = race(commands, TURNS);
    const ours = programs.map(({ name }, index) =>
      line('info', `${title}, ${name}`, samples[index]?.show('ms') ?? '', `${TURNS} runs`),
    );
    return [...ours, line('skip', `${title}, of thin_check's time`, peer.message)];
  }
  const [theirs, ...ours] = race([peer, ...commands], TURNS);
  return programs.flatMap(({ name }, index) => {
    const samples = ours[index];
    return samples === undefined || theirs === undefined
      ? []
      : [comparison(`${title}, ${name}`, samples, theirs, count === TARGET.entries)];
  });
}

function peerOr(make: () => Command): Command | PeerMissing {
  try {
    return make();
  } catch (error) {
    if (error instanceof PeerMissing) return error;
    throw error;
  }
}

function comparison(title: string, ours: Samples, theirs: Samples, isTarget: boolean): string {
  const ratio = ours.median / theirs.median;
  const limit = isTarget ? ` (at most ${TARGET.ratio.toFixed(2)})` : '';
  return line(
    isTarget ? verdict(ratio <= TARGET.ratio) : 'info',
    title,
    `${ratio.toFixed(2)} of thin_check's time${limit}`,
    `${ours.show('ms')} against ${theirs.show('ms')}, ${ours.count} runs each`,
  );
}
