import * as rawAssert from 'uvu/assert';
import { guardAssert } from './assert-bytes.js';
import { failureText, headline } from './failure-text.js';
import { Skipped } from './needs.js';
import { run } from './run-state.js';

/**
 * The one way to write tests. uvu runs them and compares values; everything around it is done here, because
 * uvu by itself ends with success when a hook throws, when something that is no Error is thrown, when run()
 * is forgotten, or when the process ends early, and it knows no time limit. No other file imports it.
 */
export { needs, skip } from './needs.js';

export const assert: typeof rawAssert = guardAssert(rawAssert);

export type Body = () => void | Promise<void>;

export interface TestOptions {
  /** After this long the test has failed; the others go on. */
  readonly timeoutMs?: number;
}

export interface Suite {
  (title: string, body: Body, options?: TestOptions): void;
  /** Run once around the whole suite. A hook that throws fails every test of the suite. */
  readonly before: (hook: Body) => void;
  readonly after: (hook: Body) => void;
  /** Run around each test; what they throw counts as the test's. */
  readonly beforeEach: (hook: Body) => void;
  readonly afterEach: (hook: Body) => void;
}

const DEFAULT_TIMEOUT_MS = 60_000;

// Read by uvu while it loads: tests wait until they are told to run, and the one group has no name. That is
// why it is imported here and not at the top.
Reflect.set(globalThis, 'UVU_DEFER', 1);
Reflect.set(globalThis, 'UVU_QUEUE', [[null]]);
const uvu = await import('uvu');

const starters: (() => void)[] = [];

/** Begins a suite; the tests given to the result run once the whole file has been evaluated. */
export function suite(name: string): Suite {
  const inner = uvu.suite(name);
  const hooks = {
    before: [] as Body[],
    after: [] as Body[],
    beforeEach: [] as Body[],
    afterEach: [] as Body[],
  };
  const titles = new Set<string>();
  let broken: { readonly thrown: unknown } | undefined;

  inner.before(async () => {
    try {
      for (const hook of hooks.before) await run.limited(hook, DEFAULT_TIMEOUT_MS);
    } catch (thrown) {
      broken = { thrown };
    }
  });
  inner.after(async () => {
    for (const hook of hooks.after) {
      try {
        await run.limited(hook, DEFAULT_TIMEOUT_MS);
      } catch (thrown) {
        run.failed(`${name} › after hook`, failureText(thrown));
      }
    }
  });

  const around = async (body: Body, timeoutMs: number) => {
    if (broken !== undefined) {
      if (broken.thrown instanceof Skipped) throw broken.thrown;
      throw new Error(`a before hook threw: ${headline(failureText(broken.thrown))}`, {
        cause: broken.thrown,
      });
    }
    const thrown: unknown[] = [];
    const attempt = async (step: Body) => {
      try {
        await run.limited(step, timeoutMs);
      } catch (error) {
        thrown.push(error);
      }
    };
    for (const hook of hooks.beforeEach) if (thrown.length === 0) await attempt(hook);
    if (thrown.length === 0) await attempt(body);
    for (const hook of hooks.afterEach) await attempt(hook);
    // A skipped test whose cleanup fails has failed.
    const failures = thrown.filter((error) => !(error instanceof Skipped));
    if (failures.length > 1) throw new AggregateError(failures, 'the test and a hook of it threw');
    if (thrown.length > 0) throw failures.length === 1 ? failures[0] : thrown[0];
  };

  const add = (title: string, body: Body, options: TestOptions = {}) => {
    const test = `${name} › ${title}`;
    if (titles.has(title)) throw new Error(`two tests are called “${test}”`);
    titles.add(title);
    run.register();
    inner(title, () => run.test(test, () => around(body, options.timeoutMs ?? DEFAULT_TIMEOUT_MS)));
  };
  starters.push(() => inner.run());
  return Object.assign(add, {
    before: (hook: Body) => void hooks.before.push(hook),
    after: (hook: Body) => void hooks.after.push(hook),
    beforeEach: (hook: Body) => void hooks.beforeEach.push(hook),
    afterEach: (hook: Body) => void hooks.afterEach.push(hook),
  });
}

run.start(async () => {
  for (const start of starters) start();
  await uvu.exec();
});
