import type { Mode } from '../../check/checker.js';
import type { Dice } from '../../device/crash/dice.js';
import { countOutcomes, type Outcome, outcomesAt } from '../../device/crash/outcomes.js';
import type { Instant, Recording } from '../../device/crash/recording.js';
import { Fingerprints } from './fingerprints.js';
import { type Recovered, recover } from './recovery.js';
import { type Run, runOnce, type Work } from './run-once.js';
import { type Start, startFrom } from './stage.js';
import type { Witness } from './witness.js';

export interface ExploreOptions {
  readonly witness: Witness;
  readonly dice: Dice;
  /** States tried of one instant: all of them where there are no more, else a sample. */
  readonly mostOfInstant: number;
  /** How many of the flushes are made to fail, evenly spread, each in a run of its own; all unless told. */
  readonly failingFlushes?: number;
  /** Of so many states, about, the power is cut in the recovery of one, too. */
  readonly againEvery: number;
  /** How a state is recovered: as `check -p` does, unless told. */
  readonly mode?: Mode;
  /** What is done then where the check leaves something to the operator. */
  readonly decide?: Work;
}

export interface Tally {
  /** Different states of a power cut, and of a second one during the recovery from it. */
  readonly states: number;
  readonly second: number;
  /** Flushes that were made to fail. */
  readonly failed: number;
  /** Every state of every instant was tried. */
  readonly all: boolean;
  /** Why the work cannot be done from this start: nothing was tried then. */
  readonly refused?: string | undefined;
  /** The promise that a state broke, and which state it was. */
  readonly broken: string | undefined;
}

/** States of a second power cut that are tried of one instant of a recovery. */
const SECOND_STATES = 24;

/**
 * Does the work once, and once for each flush that is made to fail, and recovers every state that a power cut
 * could leave of it (format.md section 4). After recovery the spare must hold exactly what it held before or
 * after the commit under way, nothing older than what was promised, and a second check must find nothing.
 */
export async function explore(start: Start, work: Work, options: ExploreOptions): Promise<Tally> {
  const explorer = new Explorer(start, options);
  const whole = await runOnce(start, work, options.witness);
  if (whole.refused !== undefined) return { ...explorer.tally, refused: whole.refused };
  await explorer.judgeRun(whole, '');
  for (const flush of spread(whole.flushes, options.failingFlushes ?? whole.flushes)) {
    if (explorer.tally.broken !== undefined) break;
    const run = await runOnce(start, work, options.witness, { flush, stood: whole.stood });
    explorer.tally.failed++;
    await explorer.judgeRun(behind(run, flush), `flush ${flush} fails, `);
  }
  return explorer.tally;
}

/** What comes after the flush that fails: up to there it is the run in which none does. */
function behind(run: Run, flush: number): Run {
  return { ...run, instants: run.instants.filter(({ flushes }) => flushes > flush) };
}

/** At most so many numbers below `count`, evenly spread. */
function spread(count: number, most: number): number[] {
  const taken = Math.min(count, most);
  return Array.from({ length: taken }, (_, index) => Math.floor((index * count) / taken));
}

type Allowed = readonly (string | undefined)[];

class Explorer {
  readonly tally = { states: 0, second: 0, failed: 0, all: true, broken: undefined as string | undefined };
  readonly #start: Start;
  readonly #options: ExploreOptions;

  constructor(start: Start, options: ExploreOptions) {
    this.#start = start;
    this.#options = options;
  }

  async judgeRun({ instants, stood, end, wrong }: Run, how: string): Promise<void> {
    if (wrong !== undefined) this.#breaks(`${how}${wrong}`);
    const seen = new Fingerprints();
    for (const [index, instant] of instants.entries()) {
      if (this.tally.broken !== undefined) return;
      const isEnd = index === instants.length - 1;
      const { least, most } = isEnd ? end : { least: instant.answered, most: instant.answered + 1 };
      const where = `${how}${isEnd ? 'cut at the end' : `cut before flush ${instant.flushes}`}`;
      // where nothing counted or somebody decides, recovery may do what the work was to do
      const isDone = stood[most] === undefined || this.#options.decide !== undefined;
      const last = isDone ? most + 1 : most;
      await this.#judgeInstant(instant, stood.slice(least, last + 1), seen, where);
    }
  }

  async #judgeInstant(instant: Instant, allowed: Allowed, seen: Fingerprints, where: string): Promise<void> {
    const { mostOfInstant, dice, againEvery } = this.#options;
    if (countOutcomes(instant) > mostOfInstant) this.tally.all = false;
    for (const outcome of outcomesAt(instant, mostOfInstant, dice)) {
      if (!seen.add(outcome, allowed)) continue;
      this.tally.states++;
      const state = startFrom(this.#start, outcome);
      const recovered = await this.#recoverFully(state, allowed);
      const place = `${where}, with ${told(instant, outcome)}`;
      if (recovered.wrong !== undefined) return this.#breaks(`${place}: ${recovered.wrong}`);
      if (dice.chance(1 / againEvery)) await this.#cutAgain(state, recovered.recording, allowed, place);
      if (this.tally.broken !== undefined) return;
    }
  }

  /** A spare that cannot be written everywhere is recovered as it is, and when it can be written again. */
  async #recoverFully(state: Start, allowed: Allowed): Promise<Recovered> {
    const recovered = judged(await recover(state, this.#options), allowed);
    if (recovered.wrong !== undefined || state.faults === undefined) return recovered;
    const { faults: _healed, ...healed } = recovered.start;
    const { wrong } = judged(await recover(healed, this.#options), allowed);
    return { ...recovered, wrong };
  }

  /** The power is cut once more while this state is recovered. */
  async #cutAgain(state: Start, recording: Recording, allowed: Allowed, place: string): Promise<void> {
    const seen = new Fingerprints();
    for (const instant of recording.end())
      for (const outcome of outcomesAt(instant, SECOND_STATES, this.#options.dice)) {
        if (!seen.add(outcome, allowed)) continue;
        this.tally.second++;
        const { wrong } = await this.#recoverFully(startFrom(state, outcome), allowed);
        if (wrong !== undefined)
          return this.#breaks(`${place}, and in its recovery ${told(instant, outcome)}: ${wrong}`);
      }
  }

  #breaks(what: string): void {
    this.tally.broken ??= what;
  }
}

function judged(recovered: Recovered, allowed: Allowed): Recovered {
  const { wrong, told: holds } = recovered;
  if (wrong !== undefined || allowed.includes(holds)) return recovered;
  const what = holds === undefined ? 'no valid metadata' : `something else:\n${difference(holds, allowed)}`;
  return { ...recovered, wrong: `afterwards it holds ${what}` };
}

/** The lines that differ from what is nearest to it. */
function difference(holds: string, allowed: Allowed): string {
  const lines = new Set(holds.split('\n'));
  const sides = allowed.map((one) => {
    const wanted = new Set(one?.split('\n'));
    const missing = [...wanted].filter((line) => !lines.has(line)).map((line) => `  - ${line}`);
    const added = [...lines].filter((line) => !wanted.has(line)).map((line) => `  + ${line}`);
    return [...added, ...missing];
  });
  return (sides.sort((a, b) => a.length - b.length)[0] ?? []).slice(0, 8).join('\n');
}

/** Which of the open cells hold what was written, for people. */
function told({ media }: Instant, outcome: Outcome): string {
  const kept = media.flatMap(({ open }, medium) =>
    Array.from(open, ([key, values]) => ({ key, index: values.indexOf(outcome[medium]?.get(key)) }))
      .filter(({ index }) => index > 0)
      .map(({ key }) => String(key).replace('\n', ' ')),
  );
  return kept.length === 0 ? 'nothing of what was not flushed' : `blocks ${kept.join(', ')} written`;
}
