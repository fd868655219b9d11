/**
 * Progress of long work on standard error: one line that is redrawn on a terminal, one JSON line a second for
 * --progress=json, nothing otherwise. The work itself gets a plain function and knows nothing of this.
 */
import { humanSize, plural } from './render/text.js';
import type { Terminal } from './terminal.js';

export type ProgressUnit = 'bytes' | 'sectors' | 'items';

/** What an operation tells, as often as it likes. */
export interface ProgressStep {
  readonly label: string;
  readonly done: number;
  /** Unknown where it is left out. */
  readonly total?: number | undefined;
  readonly unit?: ProgressUnit | undefined;
}

/** The function that an operation is given. */
export type ProgressListener = (step: ProgressStep) => void;

export type ProgressMode = 'line' | 'json' | 'none';

/** How progress is shown: what the flag says, else whether there is a terminal to show it on. */
export function progressMode(flag: 'json' | undefined, isQuiet: boolean, stderr: Terminal): ProgressMode {
  return flag === 'json' ? 'json' : stderr.live && !isQuiet ? 'line' : 'none';
}

export interface ProgressOptions {
  readonly mode: ProgressMode;
  readonly width: number;
  readonly write: (text: string) => void;
  /** Milliseconds that only go up. */
  readonly now?: () => number;
}

const REDRAW_MS = { line: 200, json: 1000, none: 0 } as const;

/** The rate is that of the last seconds: a disk that has become slow must be seen to be slow. */
const WINDOW_MS = 10_000;

const CLEAR_LINE = '\r\u001b[K';

export class Progress {
  readonly #options: ProgressOptions;
  readonly #now: () => number;
  #step: ProgressStep | undefined;
  #samples: { readonly at: number; readonly done: number }[] = [];
  #shownAt = 0;
  #isLineShown = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Begins a piece of work; one that has not been ended is replaced. */
  start(label: string, total?: number, unit: ProgressUnit = 'bytes'): void {
    if (this.#options.mode === 'none') {
      return;
    }
    clearInterval(this.#timer);
    this.#step = { label, done: 0, total, unit };
    this.#shownAt = this.#now();
    this.#samples = [{ at: this.#shownAt, done: 0 }];
    // Also while one request is stuck: the line then shows that time goes by and nothing else does.
    this.#timer = setInterval(() => this.#show(), REDRAW_MS[this.#options.mode]);
    this.#timer.unref();
  }

  /** So much more has been done. */
  advance(amount: number): void {
    if (this.#step !== undefined) {
      this.#step = { ...this.#step, done: this.#step.done + amount };
      this.#showIfDue();
    }
  }

  /** For operations: the absolute state; a new label begins a new piece of work. */
  readonly listener: ProgressListener = (step) => {
    if (this.#step?.label !== step.label) {
      this.start(step.label, step.total, step.unit);
    }
    if (this.#step !== undefined) {
      this.#step = { ...this.#step, done: step.done, total: step.total };
      this.#showIfDue();
    }
  };

  /** Ends the work and takes the line away. May be called at any time, also twice. */
  done(): void {
    clearInterval(this.#timer);
    if (this.#options.mode === 'json' && this.#step !== undefined) {
      this.#show();
    }
    this.clear();
    this.#step = undefined;
  }

  /** Takes the line away before something else is written; the next redraw brings it back. */
  clear(): void {
    if (this.#isLineShown) {
      this.#options.write(CLEAR_LINE);
      this.#isLineShown = false;
    }
  }

  #showIfDue(): void {
    if (this.#now() - this.#shownAt >= REDRAW_MS[this.#options.mode]) {
      this.#show();
    }
  }

  #show(): void {
    const step = this.#step;
    if (step === undefined) {
      return;
    }
    const now = this.#now();
    this.#shownAt = now;
    this.#samples = this.#samples.filter((sample, index) => index === 0 || now - sample.at <= WINDOW_MS);
    const [first] = this.#samples;
    if (first !== undefined && now - first.at > WINDOW_MS && this.#samples.length > 1) {
      this.#samples.shift();
    }
    const rate = this.#rate(now, step.done);
    this.#samples.push({ at: now, done: step.done });
    if (this.#options.mode === 'json') {
      this.#options.write(progressJson(step, rate));
    } else {
      const line = progressLine(step, rate).slice(0, this.#options.width - 1);
      this.#options.write(`${CLEAR_LINE}${line}`);
      this.#isLineShown = true;
    }
  }

  /** Units in a second. */
  #rate(now: number, done: number): number {
    const first = this.#samples[0];
    return first === undefined || now <= first.at ? 0 : ((done - first.done) * 1000) / (now - first.at);
  }
}

/** The line for a terminal, without colour and in ASCII. */
export function progressLine({ label, done, total, unit = 'bytes' }: ProgressStep, rate: number): string {
  const percent = total ? `${Math.min(100, Math.floor((done / total) * 100))}%` : undefined;
  const amount =
    total === undefined ? quantity(done, unit) : `${quantity(done, unit)} of ${quantity(total, unit)}`;
  const speed = rate > 0 ? `${quantity(Math.round(rate), unit)}/s` : undefined;
  const left = secondsLeft(done, total, rate);
  const eta = left === undefined ? undefined : `${clock(left)} left`;
  return [`${label}:`, percent, amount, speed, eta].filter((part) => part !== undefined).join('  ');
}

function progressJson({ label, done, total, unit }: ProgressStep, rate: number): string {
  const seconds_left = secondsLeft(done, total, rate);
  return `${JSON.stringify({ label, done, total, unit, per_second: Math.round(rate), seconds_left })}\n`;
}

function secondsLeft(done: number, total: number | undefined, rate: number): number | undefined {
  return total === undefined || rate <= 0 ? undefined : Math.ceil(Math.max(0, total - done) / rate);
}

function quantity(amount: number, unit: ProgressUnit): string {
  return unit === 'bytes'
    ? humanSize(amount)
    : unit === 'sectors'
      ? plural(amount, 'sector')
      : String(amount);
}

function clock(seconds: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes}:${two(seconds % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}
