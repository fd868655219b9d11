import type { Socket } from 'node:net';
import { sendNow, sendPiecesNow } from '../device/moving-now.js';
import type { Memory } from '../nbd/memory.js';
import type { Outbox } from '../nbd/outbox.js';
import { descriptorOf } from './handle.js';

/** Sends what gathers in an outbox, and gives its memory back once the system has taken the bytes. */
export class Sender {
  readonly #outbox: Outbox;
  readonly #memory: Memory;
  readonly #onIdle: () => void;
  #socket: Socket;
  /** Writes whose end has not been told. */
  #open = 0;
  /** What they were lent, unless the system took the bytes at once. */
  #lent: readonly Uint8Array[] | undefined;
  #sentAtOnce = 0;

  /** @param onIdle called when what could not be sent at once has been */
  constructor(outbox: Outbox, memory: Memory, socket: Socket, onIdle: () => void) {
    this.#outbox = outbox;
    this.#memory = memory;
    this.#socket = socket;
    this.#onIdle = onIdle;
  }

  /** Goes on over this one. */
  use(socket: Socket): void {
    this.#socket = socket;
  }

  /** The client has yet to take what was sent. */
  get isBusy(): boolean {
    return this.#lent !== undefined;
  }

  /** Bytes that the client took past Node's socket, which knows nothing of them. */
  get sentAtOnce(): number {
    return this.#sentAtOnce;
  }

  /** Sends what waits, unless the client has yet to take what was sent before. */
  flush(): void {
    if (this.isBusy || this.#outbox.size === 0) return;
    const { pieces, lent } = this.#outbox.take();
    const rest = this.#sendAtOnce(pieces);
    if (rest.length > 0) this.#write(rest);
    if (this.#socket.writableLength > 0) this.#lent = lent;
    else this.#giveBack(lent);
  }

  /** The connection is gone: whatever is still to be sent is not. */
  abandon(): void {
    this.#giveBack(this.#outbox.take().lent);
    if (this.#lent !== undefined) this.#giveBack(this.#lent);
    this.#lent = undefined;
  }

  /** Node's way takes several times as long as to send a short reply. Returns what is left. */
  #sendAtOnce(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
    const fd = descriptorOf(this.#socket);
    if (fd === undefined) return pieces;
    const sent = pieces.length === 1 ? sendNow(fd, pieces[0] as Uint8Array) : sendPiecesNow(fd, pieces);
    this.#sentAtOnce += sent;
    return behind(pieces, sent);
  }

  #write(pieces: readonly Uint8Array[]): void {
    this.#open++;
    const last = pieces.length - 1;
    if (last > 0) this.#socket.cork();
    for (let index = 0; index < last; index++) this.#socket.write(pieces[index] as Uint8Array);
    this.#socket.write(pieces[last] as Uint8Array, this.#onWritten);
    if (last > 0) this.#socket.uncork();
  }

  readonly #onWritten = (error?: Error | null): void => {
    this.#open--;
    if (this.#open > 0 || this.#lent === undefined) return;
    this.#giveBack(this.#lent);
    this.#lent = undefined;
    // the socket tells its end itself
    if (!error) this.#onIdle();
  };

  #giveBack(lent: readonly Uint8Array[]): void {
    for (const buffer of lent) this.#memory.giveBack(buffer);
  }
}

/** What follows so many bytes. */
function behind(pieces: readonly Uint8Array[], length: number): readonly Uint8Array[] {
  let left = length;
  for (const [index, piece] of pieces.entries()) {
    if (left < piece.length) return [piece.subarray(left), ...pieces.slice(index + 1)];
    left -= piece.length;
  }
  return [];
}
