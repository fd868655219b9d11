/**
 * Sectors that have got a place on the spare though nobody asked for it: main did not take what was written to
 * them, or was not asked to since it could not read them, or gave them only when it was asked again; or the spare
 * did not take it where they lived.
 */
export interface Remapping {
  readonly cause: 'write' | 'pending' | 'salvage' | 'spare';
  /** Of main: where the request, or the part of it, began. */
  readonly sector: number;
  /** How many of those from there on. */
  readonly sectors: number;
}

export interface SectorEvents {
  /** Something has to be saved some time. */
  changed(): void;
  remapped(remapping: Remapping): void;
}
