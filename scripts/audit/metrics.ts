import { gauge, type Registry } from '@roomlog/service-kit'
import type { FindingKind } from './findings.ts'
import type { AuditReport } from './run.ts'

const GAUGES: readonly (readonly [FindingKind, string, string])[] = [
  ['accepted_not_stored', 'accepted_not_stored', 'Accepted messages without a row, older than the bound'],
  [
    'stored_not_published',
    'stored_not_published',
    'Stored messages that the persisters passed without publishing',
  ],
  ['hole', 'holes', 'Missing seqs and heads that do not agree, in the rooms looked at'],
  ['unexplained_row', 'unexplained_rows', 'Rows that no created record explains'],
  ['dead_letter', 'dead_letters', 'Dead letters that were neither replayed nor stored since'],
]

/** What the last audit that came to its end has found. Before the first nothing is to be shown: 0 would say that all is well. */
export function measureReport(registry: Registry, last: () => AuditReport): void {
  for (const [kind, name, help] of GAUGES)
    gauge(registry, `roomlog_audit_${name}`, help, () => last().counts[kind])
  gauge(
    registry,
    'roomlog_audit_last_run_timestamp_seconds',
    'When the last audit that came to its end began',
    () => last().startedAt.getTime() / 1000,
  )
  gauge(registry, 'roomlog_audit_duration_seconds', 'How long it took', () => last().durationMs / 1000)
}
