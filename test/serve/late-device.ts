import { setImmediate } from 'node:timers/promises';
import type { BlockDevice } from '../../src/device/block-device.js';
import type { Dice } from '../../src/device/crash/dice.js';
import { FilterDevice } from '../../src/device/filters/filter-device.js';
import type { Bytes } from '../../src/units.js';

/** A device whose answers come later than asked for, out of order, as a disk's do. */
export class LateDevice extends FilterDevice {
  readonly #dice: Dice;

  constructor(inner: BlockDevice, dice: Dice) {
    super(inner);
    this.#dice = dice;
  }

  override async read(at: Bytes, into: Uint8Array): Promise<void> {
    await this.#wait();
    await super.read(at, into);
    await this.#wait();
  }

  override async write(at: Bytes, from: Uint8Array): Promise<void> {
    await this.#wait();
    await super.write(at, from);
    await this.#wait();
  }

  override async flush(): Promise<void> {
    await this.#wait();
    await super.flush();
  }

  async #wait(): Promise<void> {
    for (let turns = this.#dice.below(4); turns > 0; turns--) await setImmediate();
  }
}
