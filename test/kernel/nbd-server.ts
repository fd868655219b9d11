import { type Server, serve } from '../commands/served-set.js';
import type { Workshop } from '../obligations/workshop.js';
import { assert } from '../support/harness.js';

type Line = readonly [shop: Workshop, spare: string, main: string];

/** `dmremap serve` for a guest: it can end and come back, and the guest finds it at the same port. */
export class NbdServer {
  readonly #line: Line;
  #server: Server;

  static async start(shop: Workshop, spare: string, main: string): Promise<NbdServer> {
    return new NbdServer([shop, spare, main], await serve(shop, spare, main, ['--port', '0']));
  }

  private constructor(line: Line, server: Server) {
    this.#line = line;
    this.#server = server;
  }

  get port(): number {
    return Number(new URL(this.#server.uri).port);
  }

  get control(): string {
    return this.#server.control;
  }

  /** Ends it as an operator does. */
  async stop(): Promise<void> {
    const { code, stderr } = await this.#server.stop();
    assert.is(code, 0, stderr);
  }

  /** Ends it at once, in the midst of whatever it does. */
  async kill(): Promise<void> {
    const { code } = await this.#server.stop('SIGKILL');
    assert.is(code, null, 'it had ended before');
  }

  async startAgain(...more: readonly string[]): Promise<void> {
    this.#server = await serve(...this.#line, ['--port', String(this.port), ...more]);
  }
}
