/** Something that may have to be waited for: it is open, or shut for a while. */
export class Barrier {
  #shut: { readonly opened: Promise<void>; readonly open: () => void } | undefined;

  get isShut(): boolean {
    return this.#shut !== undefined;
  }

  shut(): void {
    if (this.#shut !== undefined) return;
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.#shut = { opened, open };
  }

  open(): void {
    this.#shut?.open();
    this.#shut = undefined;
  }

  /** Resolves when it is open. */
  async opened(): Promise<void> {
    while (this.#shut !== undefined) await this.#shut.opened;
  }
}

/** A barrier that knows how many are behind it. Whoever has come in leaves; nobody comes in twice. */
export class Gate extends Barrier {
  #inside = 0;
  #emptied: (() => void)[] = [];

  /** Whether the way is free; then one is in. */
  tryEnter(): boolean {
    if (this.isShut) return false;
    this.#inside++;
    return true;
  }

  /** Resolves when one is in. */
  async enter(): Promise<void> {
    while (!this.tryEnter()) await this.opened();
  }

  leave(): void {
    this.#inside--;
    if (this.#inside > 0) return;
    for (const emptied of this.#emptied) emptied();
    this.#emptied = [];
  }

  /** Resolves when nobody is inside. */
  emptied(): Promise<void> {
    if (this.#inside === 0) return Promise.resolve();
    return new Promise((resolve) => this.#emptied.push(resolve));
  }
}
