/** Repeated measurements of one thing. */
export class Samples {
  readonly #values: number[] = [];

  add(value: number): void {
    this.#values.push(value);
    this.#values.sort((a, b) => a - b);
  }

  get count(): number {
    return this.#values.length;
  }

  /** Half of the values lie below, half above: what disturbs a few runs does not move it. */
  get median(): number {
    const middle = this.#values.length / 2;
    return (this.#at(Math.ceil(middle) - 1) + this.#at(Math.floor(middle))) / 2;
  }

  get max(): number {
    return this.#at(this.#values.length - 1);
  }

  /** `177 ms (152-199)`: the median and, behind it, the least and the most. */
  show(unit: string): string {
    return `${this.median.toFixed(0)} ${unit} (${this.#at(0).toFixed(0)}-${this.max.toFixed(0)})`;
  }

  #at(index: number): number {
    const value = this.#values[index];
    if (value === undefined) throw new RangeError('nothing was measured');
    return value;
  }
}
