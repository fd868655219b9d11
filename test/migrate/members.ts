import type { Member, SetJudgement } from '../../src/migrate/pairs.js';

/** Spares of a set in short writing: the name stands for the spare_uuid. */
export function member(
  name: string,
  facts: Partial<Omit<Member, 'name' | 'spare_uuid'>> & { peer?: string } = {},
): Member {
  const { peer = '', ...rest } = facts;
  return {
    name: `/dev/${name}`,
    spare_uuid: name,
    peer_uuid: peer,
    role: 0,
    generation: 1,
    peer_generation: 0,
    migration_cursor: 0n,
    entry_count: 3,
    ...rest,
  };
}

/** The active spare, what is found about whom, and absent successors, in one line each. */
export function said({ active, findings, absentSuccessors }: SetJudgement): string {
  const told = findings.map((finding) =>
    'source' in finding
      ? `${finding.kind} ${finding.source.spare_uuid}→${finding.target.spare_uuid}`
      : `${finding.kind} ${finding.members.map(({ spare_uuid }) => spare_uuid).sort()}`,
  );
  const absent = absentSuccessors.length > 0 ? [`absent ${[...absentSuccessors].sort()}`] : [];
  return [active?.spare_uuid ?? 'none', ...told.sort(), ...absent].join('; ');
}
