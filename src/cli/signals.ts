/**
 * Ctrl-C, SIGTERM and a closed terminal end a command with exit code 32. Reading commands end at once;
 * commands that write are asked to stop at the next place where nothing is half done.
 */
import { DmremapError } from '../errors.js';
import { EXIT_CANCELLED } from './exit-codes.js';
import { leave, noteHangUp } from './leave.js';
import { STOP_SIGNALS, type StopSignal } from './stop-signals.js';

/**
 * What a command wants of signals: `exit` at once, for those that write nothing; `abort`, where the signal
 * of `BaseCommand.signal` is raised and the operation stops where it is safe; `own`, where it installs its own.
 */
export type OnSignal = 'exit' | 'abort' | 'own';

export class Interruption {
  readonly #controller = new AbortController();
  #onSignal: OnSignal = 'exit';
  /** Reports the error and ends the process; the command that runs replaces it by its own. */
  #end: (error: DmremapError) => void;
  #notice: (text: string) => void = () => {};

  constructor(end: (error: DmremapError) => void) {
    this.#end = end;
  }

  /** Begins to listen. Until then a signal ends the process in the way of the system. */
  install(): void {
    for (const name of STOP_SIGNALS) {
      process.on(name, this.#handle);
    }
  }

  /** Hands the decision to the command that is about to run. */
  adopt(onSignal: OnSignal, end: (error: DmremapError) => void, notice: (text: string) => void): AbortSignal {
    this.#onSignal = onSignal;
    this.#end = end;
    this.#notice = notice;
    if (onSignal === 'own') {
      for (const name of STOP_SIGNALS) {
        process.off(name, this.#handle);
      }
    }
    return this.#controller.signal;
  }

  /**
   * Work that must not be left half done, by a command that a signal would else end at once: it is finished
   * first, and the command then sees the signal raised.
   */
  readonly uninterrupted = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    const before = this.#onSignal;
    this.#onSignal = 'abort';
    try {
      return await work();
    } finally {
      this.#onSignal = before;
    }
  };

  readonly #handle = (name: StopSignal): void => {
    if (name === 'SIGHUP') {
      noteHangUp();
    }
    const error = new DmremapError('cancelled', `stopped by ${name}`, { data: { signal: name } });
    if (this.#onSignal === 'abort') {
      this.#notice(`${name}: stopping as soon as nothing is left half done`);
      this.#controller.abort(error);
    } else {
      this.#end(error);
    }
  };
}

let shared: Interruption | undefined;

/** The one listener of this process. Without a command that adopts it, a signal ends the process quietly. */
export function processInterruption(): Interruption {
  shared ??= new Interruption(() => void leave(EXIT_CANCELLED));
  return shared;
}
