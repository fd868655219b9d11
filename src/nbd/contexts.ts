/** What a client can ask for with BLOCK_STATUS (“Metadata querying”). */
export interface MetaContext {
  /** Under which its extents are sent. */
  readonly id: number;
  readonly namespace: string;
  readonly leaf: string;
}

/** Holes and zeroes (“`base:allocation` metadata context”). */
export const ALLOCATION: MetaContext = { id: 1, namespace: 'base', leaf: 'allocation' };

/** Our own: how a sector fares. Zero is an ordinary sector of main. */
export const SECTORS: MetaContext = { id: 2, namespace: 'x-dmremap', leaf: 'sectors' };

export const CONTEXTS: readonly MetaContext[] = [ALLOCATION, SECTORS];

export function contextName(context: MetaContext): string {
  return `${context.namespace}:${context.leaf}`;
}

/** A namespace of printable characters without blanks, a colon, and anything or nothing after it. */
export function isQuery(query: string): boolean {
  return /^[^\s\p{C}:]+:/u.test(query);
}

/** What LIST_META_CONTEXT finds: all without a query; a namespace alone stands for all of its contexts. */
export function listContexts(queries: readonly string[]): MetaContext[] {
  return CONTEXTS.filter(
    (context) =>
      queries.length === 0 ||
      queries.includes(`${context.namespace}:`) ||
      queries.includes(contextName(context)),
  );
}

/** What SET_META_CONTEXT selects: those named in full. Names and namespaces unknown here select nothing. */
export function selectContexts(queries: readonly string[]): MetaContext[] {
  return CONTEXTS.filter((context) => queries.includes(contextName(context)));
}
