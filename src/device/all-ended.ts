/** Rejects as the first of them that does, when all have come to their end: what they use is in use until then. */
export async function allEnded(parts: readonly Promise<void>[]): Promise<void> {
  for (const end of await Promise.allSettled(parts)) if (end.status === 'rejected') throw end.reason;
}
