/** What an audit can find, with the name of its count. */
export const FINDING_KINDS = [
  'accepted_not_stored',
  'stored_not_published',
  'hole',
  'unexplained_row',
  'dead_letter',
] as const
export type FindingKind = (typeof FINDING_KINDS)[number]

/** One thing that is not as it should be, and where. Never anything of a body. */
export interface Finding {
  readonly kind: FindingKind
  /** For people. */
  readonly detail: string
  readonly roomId?: string | undefined
  readonly seq?: number | undefined
  readonly senderId?: string | undefined
  readonly clientMsgId?: string | undefined
  /** Of the created record; of a dead letter, its own in the topic of dead letters. */
  readonly partition?: number | undefined
  readonly offset?: number | undefined
}

/** Of each kind: what is behind a fault of the whole installation is the same a thousand times. */
const KEPT_AT_MOST = 1000

export type Counts = Readonly<Record<FindingKind, number>>

/** Counts all, keeps the first of each kind. */
export class Findings {
  readonly #counts: Record<FindingKind, number> = {
    accepted_not_stored: 0,
    stored_not_published: 0,
    hole: 0,
    unexplained_row: 0,
    dead_letter: 0,
  }
  readonly #kept: Finding[] = []

  add(finding: Finding): void {
    this.#counts[finding.kind] += 1
    if (this.#counts[finding.kind] <= KEPT_AT_MOST) this.#kept.push(finding)
  }

  get counts(): Counts {
    return { ...this.#counts }
  }

  get kept(): readonly Finding[] {
    return [...this.#kept]
  }
}
