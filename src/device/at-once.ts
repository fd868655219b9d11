import type { BlockDevice } from './block-device.js';
import type { Pieces } from './pieces-now.js';

/** What a device may offer beyond BlockDevice: answers that need no turn of the event loop. */
export interface AnswersAtOnce {
  /**
   * Fills `into`, which has at least 65 bytes, from byte `from` on with `length` bytes from `at`, where that
   * waits for no medium. Any byte will do for a beginning or an end. False, with nothing said of the content,
   * where it would have to wait or does not succeed.
   */
  readAtOnce(at: number, into: Uint8Array, from: number, length: number): boolean;
  /**
   * The same for many pieces.
   *
   * @param missing told, ascending, for which of them it is false
   */
  readPiecesAtOnce(pieces: Pieces, into: Uint8Array, missing: (index: number) => void): void;
  /**
   * Writes whole sectors, as write() does: `length` bytes of `source` from byte `from` on. False, with nothing
   * said of what lies there, where it would have to wait or does not succeed.
   */
  writeAtOnce(at: number, source: Uint8Array, from: number, length: number): boolean;
}

/** The device, where it can. */
export function answeringAtOnce(device: BlockDevice): AnswersAtOnce | undefined {
  return 'readAtOnce' in device ? (device as BlockDevice & AnswersAtOnce) : undefined;
}
