import { rename, rm, writeFile } from 'node:fs/promises'
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

/** The report in Prometheus's text format. */
export function metricsText(report: AuditReport): string {
  const { counts, startedAt, durationMs } = report
  const lines = (name: string, help: string, value: number) =>
    `# HELP roomlog_audit_${name} ${help}\n# TYPE roomlog_audit_${name} gauge\nroomlog_audit_${name} ${value}\n`
  return [
    ...GAUGES.map(([kind, name, help]) => lines(name, help, counts[kind])),
    lines(
      'last_run_timestamp_seconds',
      'When the last audit that came to its end began',
      startedAt.getTime() / 1000,
    ),
    lines('duration_seconds', 'How long it took', durationMs / 1000),
  ].join('')
}

/** Replaces the file as a whole: a collector that reads meanwhile sees the old or the new one. */
export async function writeMetrics(file: string, report: AuditReport): Promise<void> {
  const next = `${file}.${process.pid}.new`
  try {
    await writeFile(next, metricsText(report))
    await rename(next, file)
  } catch (error) {
    await rm(next, { force: true })
    throw error
  }
}
