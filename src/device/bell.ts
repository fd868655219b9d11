import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { NativeLibrary } from './syscalls.js';

const [O_NONBLOCK, O_CLOEXEC] = [0x800, 0x80000];

/** More than the counter of an eventfd has, so that Node reads it once each time. */
const ROOM = 64;

/**
 * An eventfd that the event loop itself watches: whoever waits for it is woken without a thread between. Node
 * watches pipes and sockets only; so it is given a pipe, whose number becomes that of the eventfd before the
 * event loop asks the system to watch it.
 */
export class Bell {
  /** What the kernel is to signal. */
  readonly fd: number;
  readonly #socket: Socket;
  #isAwaited = false;

  /**
   * @param rung called in a turn of the event loop after it was signalled, once or more often
   * @throws Error where the kernel refuses
   */
  constructor(library: NativeLibrary, rung: () => void) {
    this.fd = Number(library.func('int eventfd(uint32_t count, int flags)')(0, O_NONBLOCK | O_CLOEXEC));
    if (this.fd < 0) throw new Error('no eventfd');
    // long enough not to move
    const ends = new Int32Array(32);
    if (library.func('int pipe2(void *ends, int flags)')(ends, O_NONBLOCK | O_CLOEXEC) !== 0) {
      closeSync(this.fd);
      throw new Error('no pipe');
    }
    const [watched = -1, other = -1] = ends;
    const onread = {
      buffer: new Uint8Array(ROOM),
      callback: (): boolean => {
        rung();
        return true;
      },
    };
    const options: object = { fd: watched, readable: true, writable: false, onread };
    this.#socket = new Socket(options).unref();
    const isReplaced =
      library.func('int dup3(int from, int to, int flags)')(this.fd, watched, O_CLOEXEC) === watched;
    closeSync(other);
    if (isReplaced) return;
    this.close();
    throw new Error('no bell');
  }

  close(): void {
    this.#socket.destroy();
    closeSync(this.fd);
  }

  /** Whether the process stays alive for it. */
  set isAwaited(isAwaited: boolean) {
    if (isAwaited === this.#isAwaited) return;
    this.#isAwaited = isAwaited;
    if (isAwaited) this.#socket.ref();
    else this.#socket.unref();
  }
}
