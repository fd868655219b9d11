import type { BlockDevice } from '../../../src/device/block-device.js';
import { MemoryDevice } from '../../../src/device/memory-device.js';
import { diagnose } from '../../../src/operations/diagnose.js';
import { type Draft, draftRepair, isOpen } from '../../../src/operations/repair/draft.js';
import { findStarts } from '../../../src/operations/repair/starts.js';
import type { Answer, Question } from '../../../src/repair/answers/answer.js';
import type { Start } from '../../../src/repair/starts.js';
import { carryOut } from '../../../src/store/phase.js';
import { NOW } from '../../check/check-device.js';
import type { ProblemCase } from '../../check/problem-case.js';

/** Every repair of a spare that the operator could choose: each start with each answer to each question. */

export interface Tried {
  readonly start: Start;
  /** `PROBLEM=CHOICE`, in the order of the questions. */
  readonly answers: readonly string[];
  readonly draft: Draft;
  /** The spare after the repair. */
  readonly image: Buffer;
  /** The device, to be looked at again. */
  readonly device: BlockDevice;
}

/** No case has more ways than this; a loop of questions would. */
const MOST_WAYS = 400;

export async function everyRepair(problem: ProblemCase): Promise<Tried[]> {
  const tried: Tried[] = [];
  const { starts } = await startsOf(problem);
  for (const { id } of starts) {
    const open: (readonly number[])[] = [[]];
    for (let choices = open.pop(); choices !== undefined; choices = open.pop()) {
      const { way, fanout } = await tryOne(problem, id, choices);
      if (way === undefined) for (let next = 0; next < fanout; next++) open.push([...choices, next]);
      else tried.push(way);
      if (tried.length > MOST_WAYS) throw new Error(`${problem.id}: more than ${MOST_WAYS} ways`);
    }
  }
  return tried;
}

async function startsOf(problem: ProblemCase) {
  const device = new MemoryDevice(new Uint8Array(problem.image));
  const around = problem.around?.(device) ?? device;
  const { survey } = await diagnose(around, problem.options);
  return {
    device,
    around,
    survey,
    ...(await findStarts(around, survey, { witnesses: [], dump: undefined, told: undefined })),
  };
}

/** Answers the first questions so; where there is one more, tells how many answers it has. */
async function tryOne(
  problem: ProblemCase,
  id: string,
  choices: readonly number[],
): Promise<{ way: Tried | undefined; fanout: number }> {
  const { device, around, survey, starts } = await startsOf(problem);
  const start = starts.find((one) => one.id === id);
  if (start === undefined) throw new Error(`${problem.id}: ${id} is not found again`);
  const given: string[] = [];
  const answer = async ({ key, answers }: Question): Promise<Answer | undefined> => {
    const chosen = answers[choices[given.length] ?? answers.length];
    if (chosen !== undefined) given.push(`${key}=${chosen.id}`);
    return chosen;
  };
  const main = problem.options?.main;
  const options = { main: main === undefined ? undefined : { facts: main, device: NO_MAIN }, now: NOW };
  const draft = await draftRepair(around, survey, start, answer, options);
  if (isOpen(draft)) return { way: undefined, fanout: draft.question.answers.length };
  await carryOut(around, draft.phases);
  return {
    way: { start, answers: given, draft, image: Buffer.from(device.content), device: around },
    fanout: 0,
  };
}

/** The mains of the cases are told by their facts alone: no sector of theirs is in question. */
const NO_MAIN = new MemoryDevice(new Uint8Array(512));
