import type { BlockDevice } from '../device/block-device.js';
import { DmremapError } from '../errors.js';
import { ENTRY_SIZE, RemapTable } from '../format/entry.js';
import { generationAfterFailure } from '../format/generation.js';
import { encodeHeader, type Header, isRedundant } from '../format/header.js';
import { commit, commitInOne, rewrite, wholeCopy } from './commit.js';
import { type Content, contentOf, type Head, underGeneration } from './content.js';
import type { CopyName } from './copy.js';
import { ChangeFailed } from './failure.js';
import { type LoadedChoice, loadChoice } from './load-choice.js';
import { contentToWrite, mendingPhases } from './mend.js';
import { carryOut, type Phase, type Write, writePhases } from './phase.js';
import { type Change, type Step, stepOf } from './step.js';

/** What became of a commit. After all but `committed`, data written since the last good flush is unknown. */
export type Outcome =
  /** Whole in every copy. */
  | { readonly kind: 'committed' }
  /** It stands, in one copy alone: the set is degraded. `failure` where it became so just now. */
  | { readonly kind: 'degraded'; readonly failure?: DmremapError }
  /** It does not stand; what was there before does, perhaps under a newer generation. */
  | { readonly kind: 'failed'; readonly failure: DmremapError }
  /** Nothing is known of any copy: no FLUSH is answered with success before mend() has made one whole. */
  | { readonly kind: 'unknown'; readonly failure: DmremapError };

/** Why a commit is not one in all copies. @param name of the device */
export function failureOf(
  outcome: { readonly kind?: Outcome['kind']; readonly failure?: DmremapError },
  name: string,
): DmremapError {
  return outcome.failure ?? new DmremapError('io', `${name}: a copy of its metadata cannot be written`);
}

/**
 * Saves what these phases overwrite, does the work, and marks what was saved as finished: an undo file. Asked
 * for where a change tears the only copy if the power fails.
 */
export type Guard = (phases: readonly Phase[], work: () => Promise<void>) => Promise<unknown>;

export interface WriterOptions {
  /** As it was read before the lock was taken, where something was decided by it. */
  readonly generation?: number;
  /** Without it a plain image takes only what is atomic. */
  readonly guard?: Guard;
  /** What lies there, where it was just read under the same lock. Its table is the writer's from then on. */
  readonly loaded?: LoadedChoice;
}

/** What is known of the copies on the device. */
export type Health = 'whole' | 'degraded' | 'unknown';

/**
 * Commits to one device, one after the other, as format.md section 4 says. The device is held exclusively;
 * nobody else writes its metadata. Not for two commits at once.
 */
export class MetadataWriter {
  readonly #device: BlockDevice;
  readonly #guard: Guard | undefined;
  #content: Content;
  /** A table with room behind its entries, which grows in place. */
  #room: Uint8Array;
  #lost: CopyName | undefined;
  #unknown = false;
  #writing = false;

  private constructor(device: BlockDevice, content: Content, guard: Guard | undefined) {
    this.#device = device;
    this.#guard = guard;
    this.#content = content;
    this.#room = content.table.bytes;
  }

  /**
   * Loads, flushes, and makes both copies whole and equal; degraded where one of them cannot be written.
   *
   * @throws DmremapError `changed-since` where the generation is another one now, or where something waits for
   * the operator or for `check -p`; ChangeFailed where nothing is known of the copies; others as loadChoice
   */
  static async open(device: BlockDevice, options: WriterOptions = {}): Promise<MetadataWriter> {
    const { generation, guard, loaded = await loadChoice(device) } = options;
    const content = contentToWrite(device, loaded);
    if (generation !== undefined && content.header.generation !== generation)
      throw new DmremapError(
        'changed-since',
        `${device.name} has generation ${content.header.generation}, not ${generation} as before`,
        { hint: 'another program has written to it: look again' },
      );
    const writer = new MetadataWriter(device, content, guard);
    try {
      await carryOut(device, mendingPhases(loaded.choice, content, device.logicalBlockSize));
    } catch (error) {
      if (!(error instanceof ChangeFailed) || error.lost === undefined) throw error;
      writer.#stand(underGeneration(content, error.generation ?? content.header.generation), error.lost);
    }
    return writer;
  }

  /**
   * Where this content was just written to all copies, durably, and under the same lock. Its table is the writer's
   * from then on.
   */
  static justWritten(device: BlockDevice, content: Content): MetadataWriter {
    return new MetadataWriter(device, content, undefined);
  }

  /** What the next commit begins with. Its table is overwritten by that commit: not to be kept. */
  get content(): Content {
    return this.#content;
  }

  /** Degraded: sectors that entries leave are not free, and only what is atomic in one copy is committed. */
  get health(): Health {
    if (this.#unknown) return 'unknown';
    return this.#lost === undefined ? 'whole' : 'degraded';
  }

  /** The copy that cannot be written, where there is one. */
  get lost(): CopyName | undefined {
    return this.#lost;
  }

  /** Why no commit could change or drop entries now, whatever they are; undefined where one could. */
  get refusesChanges(): DmremapError | undefined {
    return this.#refusal({ atomic: false });
  }

  /** What commit() would write, in order. */
  plan(change: Change, now: bigint, data: readonly Write[] = []): Phase[] {
    return this.#phases(stepOf(this.#content, change, now), data);
  }

  /**
   * Commits a change. Refused, as `failed`, where one copy alone would have to take what is not atomic, where
   * the guard does not let it begin, or where nothing is known of any copy.
   *
   * @param now Unix seconds
   * @param data of the sectors that new entries name, made durable first
   * @throws RangeError for an impossible change (stepOf)
   */
  async commit(change: Change, now: bigint, data: readonly Write[] = []): Promise<Outcome> {
    return this.#commit(stepOf(this.#content, change, now), data);
  }

  /**
   * The same for a change that one copy must not get alone while two are whole: where one of them fails, the
   * other keeps what it has, under a newer generation.
   */
  async commitToAll(change: Change, now: bigint): Promise<Outcome> {
    const step = stepOf(this.#content, change, now);
    const isOneOfTwo = copiesOf(this.#content).length === 2 && this.#lost === undefined;
    return this.#commit(isOneOfTwo ? { ...step, atomic: false } : step, []);
  }

  async #commit(step: Step, data: readonly Write[]): Promise<Outcome> {
    const refusal = this.#refusal(step);
    if (refusal !== undefined) return { kind: 'failed', failure: refusal };
    return this.#alone(async () => {
      const { failed, error } = await this.#write(step, this.#phases(step, data));
      if (failed !== undefined) return this.#settle(step, failed, error ?? failed);
      if (error !== undefined) return { kind: 'failed', failure: error };
      this.#take(step, step.after);
      return { kind: this.#lost === undefined ? 'committed' : 'degraded' };
    });
  }

  async #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#writing) throw new Error('two writes of metadata at once');
    this.#writing = true;
    try {
      return await work();
    } finally {
      this.#writing = false;
    }
  }

  /**
   * Writes in full, and flushes, the copies of which nothing is known or that could not be written.
   *
   * @param header fields that they get where nothing is known of any of them: always the same ones, or others under
   * a newer generation, until one is whole
   * @returns whether all copies are whole now
   */
  mend(header: Partial<Header> = {}): Promise<boolean> {
    return this.#alone(() => {
      const { block, table } = this.#content;
      if (this.#unknown) this.#content = contentOf(encodeHeader(header, block), table);
      return this.#mend();
    });
  }

  async #mend(): Promise<boolean> {
    const copies = this.#unknown
      ? copiesOf(this.#content)
      : [this.#lost].filter((copy) => copy !== undefined);
    let lost: CopyName | undefined;
    for (const copy of copies)
      if (await this.#writeWhole(copy)) this.#unknown = false;
      else lost = copy;
    if (!this.#unknown) this.#lost = lost;
    return this.health === 'whole';
  }

  async #writeWhole(copy: CopyName): Promise<boolean> {
    const whole: Phase = this.#unknown
      ? { purpose: `write all of the ${copy} copy`, writes: wholeCopy(this.#content, copy) }
      : rewrite(this.#content, copy, this.#device.logicalBlockSize);
    try {
      await writePhases(this.#device, [whole]);
      return true;
    } catch (error) {
      if (error instanceof ChangeFailed) return false;
      throw error;
    }
  }

  /**
   * What failed on the device, and how the guard tells it: it knows where the overwritten bytes are. An error
   * alone is that of a guard which let nothing begin; what it fails at when all is written undoes nothing.
   */
  async #write(
    { atomic }: Step,
    phases: readonly Phase[],
  ): Promise<{ readonly failed?: ChangeFailed; readonly error?: DmremapError }> {
    let failed: ChangeFailed | undefined;
    let isWritten = false;
    const work = async () => {
      try {
        await writePhases(this.#device, phases);
        isWritten = true;
      } catch (error) {
        if (error instanceof ChangeFailed) failed = error;
        throw error;
      }
    };
    const torn = !atomic && copiesOf(this.#content).length === 1;
    try {
      await (torn && this.#guard !== undefined ? this.#guard(phases, work) : work());
      return {};
    } catch (error) {
      if (isWritten) return {};
      if (error instanceof DmremapError) return failed === undefined ? { error } : { failed, error };
      if (failed === undefined) throw error;
      return { failed };
    }
  }

  #refusal({ atomic }: Pick<Step, 'atomic'>): DmremapError | undefined {
    const { name } = this.#device;
    if (this.#unknown)
      return new DmremapError('io', `${name}: nothing is known of its metadata after a write that failed`);
    if (atomic) return undefined;
    if (copiesOf(this.#content).length === 1 && this.#guard === undefined)
      return new DmremapError(
        'undo-unavailable',
        `${name}: its layout has one copy, and nowhere to save what this change overwrites`,
      );
    if (this.#lost === undefined) return undefined;
    return new DmremapError('io', `${name}: the ${this.#lost} copy cannot be written`, {
      hint: 'with one copy only new remaps are taken; none is dropped or changed',
    });
  }

  #phases(step: Step, data: readonly Write[]): Phase[] {
    const { logicalBlockSize } = this.#device;
    const good = copiesOf(this.#content).find((copy) => copy !== this.#lost) ?? 'primary';
    const phases =
      this.#lost === undefined ? commit(step, logicalBlockSize) : commitInOne(step, good, logicalBlockSize);
    if (data.length === 0) return phases;
    return [{ purpose: 'write the data of new entries', writes: data, ifFails: UNTOUCHED }, ...phases];
  }

  #settle(step: Step, failed: ChangeFailed, failure: DmremapError): Outcome {
    const { stands, lost = this.#lost, generation } = failed;
    if (stands === 'unknown') {
      // the change and, beyond it, what was to replace it may have been written
      const newest = generationAfterFailure(step.after.header.generation);
      this.#stand(underGeneration(step.before, generationAfterFailure(newest)), lost);
      this.#unknown = true;
      return { kind: 'unknown', failure };
    }
    if (stands === 'before') {
      if (generation !== undefined) this.#stand(underGeneration(step.before, generation), lost);
      return { kind: 'failed', failure };
    }
    this.#take(step, underGeneration(step.after, generation ?? step.after.header.generation));
    this.#lost = lost;
    return { kind: 'degraded', failure };
  }

  /** The table is what it was, the header is this one. */
  #stand(head: Head, lost: CopyName | undefined): void {
    this.#content = contentOf(head.block, this.#content.table);
    this.#lost = lost;
  }

  #take({ blocks }: Step, after: Head): void {
    const length = after.header.entry_count * ENTRY_SIZE;
    if (this.#room.length < length) this.#grow(length, after.header.max_entries * ENTRY_SIZE);
    for (const { offset, bytes } of blocks) this.#room.set(bytes.subarray(0, length - offset), offset);
    this.#content = contentOf(after.block, new RemapTable(this.#room.subarray(0, length), after.tableCrc));
  }

  #grow(length: number, most: number): void {
    const room = new Uint8Array(Math.min(Math.max(2 * this.#room.length, length), most));
    room.set(this.#content.table.bytes);
    this.#room = room;
  }
}

/** No copy was being written. */
const UNTOUCHED = { copy: undefined, secure: [], tidy: [], stands: 'before' } as const;

function copiesOf({ header }: Content): readonly CopyName[] {
  return isRedundant(header) ? ['backup', 'primary'] : ['primary'];
}
